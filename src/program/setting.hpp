// SPDX-License-Identifier: Apache-2.0
//
// Setting: one row of the table of settings (program/settings.hpp).
// Thread: any; constant.
#pragma once

#include "program/configuration.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

enum class SettingGroup : std::uint8_t { everyday, client_side, backend_side };

// The error of a value, if there is one.
using Problem = std::optional<std::string>;

struct Setting {
  SettingGroup group;
  std::string_view name;         // "listen": --listen and ONEHOP_LISTEN
  std::string_view placeholder;  // "ADDR"; empty for a switch
  std::string_view help;
  // Receives every value given: one, unless the setting may be repeated.
  Problem (*set)(Configuration&, const std::vector<std::string>& values);
  // Returns the value as it would be typed; "" if there is none to show.
  std::string (*show)(const Configuration&);
  char letter = 0;            // 'l' for -l
  char list_separator = 0;    // may be repeated; this separates the values in the environment
  bool splits_flags = false;  // and in a flag as well

  bool is_switch() const { return placeholder.empty(); }
  bool may_repeat() const { return list_separator != 0; }
};

}  // namespace onehop::program
