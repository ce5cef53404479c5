// SPDX-License-Identifier: Apache-2.0
//
// Finds settings by name, and says what an unknown name was meant to be.
// Thread: any; constant.
#pragma once

#include "config/setting.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace onehop::config {

// A name of a setting in an earlier version.
struct FormerName {
  std::string_view name;
  std::string_view successor;  // "" if there is none
  std::string_view until;      // the last version that had it
  std::string_view advice;     // what to do instead, if there is no successor
};
std::span<const FormerName> former_names();

// Among those that may be at the top of a file; and among those of a table.
const Setting* find_setting(std::string_view name);
const Setting* find_setting(TableKind kind, std::string_view name);

// A name as written in a file. '_' is '-'.
struct NameMeaning {
  const Setting* setting = nullptr;  // also for a former name with a successor
  std::string problem = {};          // "" if the name is that of a setting
  std::string hint = {};
};
NameMeaning meaning_of(std::string_view name,
                       std::span<const FormerName> former = former_names(),
                       TableKind kind = TableKind::top);

}  // namespace onehop::config
