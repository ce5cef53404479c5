// SPDX-License-Identifier: Apache-2.0
//
// The table of settings: the flag, environment variable, help, default and setter of each setting.
// Thread: any; constant.
#pragma once

#include "config/setting.hpp"

#include <span>
#include <string>
#include <string_view>

namespace onehop::config {

std::span<const Setting> settings();

// The setting whose value may be typed without a flag.
inline constexpr std::string_view kBackendSetting = "backend";
// The setting that names the configuration files.
inline constexpr std::string_view kConfigSetting = "config";

std::string flag_of(const Setting& setting);         // "--drain-timeout"
std::string environment_of(const Setting& setting);  // "ONEHOP_DRAIN_TIMEOUT"

}  // namespace onehop::config
