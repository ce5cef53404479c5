// SPDX-License-Identifier: Apache-2.0
//
// The words for the attributes of settings in the help, the manual and the schema.
// Thread: any; constant.
#pragma once

#include "config/setting.hpp"

#include <span>
#include <string>
#include <string_view>

namespace onehop::config {

struct GroupRow {
  SettingGroup group;
  std::string_view name;   // "client"
  std::string_view title;  // "Clients: limits and timeouts"
};

// In the order of the help.
std::span<const GroupRow> setting_groups();

std::string_view words_for(When when);  // "with the next request"

}  // namespace onehop::config
