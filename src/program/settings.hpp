// SPDX-License-Identifier: Apache-2.0
//
// The table of settings: flag, environment variable, help, default and setter of each, said once.
// Immutable; any thread.
#pragma once

#include "program/configuration.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

enum class SettingGroup : std::uint8_t { everyday, client_side, backend_side };

// What is wrong with a value, when something is.
using Problem = std::optional<std::string>;

struct Setting {
  SettingGroup group;
  std::string_view name;         // "listen": --listen and ONEHOP_LISTEN
  std::string_view placeholder;  // "ADDR"; empty for a switch
  std::string_view help;
  // Gets every value that was given; one, unless the setting may be repeated.
  Problem (*set)(Configuration&, const std::vector<std::string>& values);
  // The value as one would type it; "" when there is nothing to show.
  std::string (*show)(const Configuration&);
  char letter = 0;            // 'l' for -l
  char list_separator = 0;    // may be repeated; this separates the values in the environment
  bool splits_flags = false;  // and in a flag as well

  bool is_switch() const { return placeholder.empty(); }
  bool may_repeat() const { return list_separator != 0; }
};

std::span<const Setting> settings();

std::string flag_of(const Setting& setting);         // "--drain-timeout"
std::string environment_of(const Setting& setting);  // "ONEHOP_DRAIN_TIMEOUT"

}  // namespace onehop::program
