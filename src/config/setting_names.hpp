// SPDX-License-Identifier: Apache-2.0
//
// Finds settings by name, and suggests the name that an unknown one was probably meant to be.
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
  std::string_view advice;     // the remedy, if there is no successor
};
std::span<const FormerName> former_names();

// Find a setting among those of config/settings.hpp, and among those that a table of `kind` may
// have. Return null if there is none.
const Setting* find_setting(std::string_view name);
const Setting* find_setting(TableKind kind, std::string_view name);

// The meaning of a name as written in a file, where '_' may stand for '-'.
struct NameMeaning {
  const Setting* setting = nullptr;  // also that of a former name with a successor
  std::string problem = {};          // "" if the name is right
  std::string hint = {};
};
NameMeaning meaning_of(std::string_view name,
                       std::span<const FormerName> former = former_names(),
                       TableKind kind = TableKind::top);

}  // namespace onehop::config
