// SPDX-License-Identifier: Apache-2.0
//
// The table of settings: the flag, environment variable, help, default and setter of each.
// Thread: any; constant.
#pragma once

#include "program/setting.hpp"

#include <span>
#include <string>

namespace onehop::program {

std::span<const Setting> settings();

std::string flag_of(const Setting& setting);         // "--drain-timeout"
std::string environment_of(const Setting& setting);  // "ONEHOP_DRAIN_TIMEOUT"

}  // namespace onehop::program
