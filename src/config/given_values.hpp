// SPDX-License-Identifier: Apache-2.0
//
// Understands the values that one source has for a setting. A value that is refused is a finding at
// its place.
// Thread: any.
#pragma once

#include "config/configuration.hpp"
#include "config/finding.hpp"
#include "config/given.hpp"

#include <string>

namespace onehop::config {

// Returns whether all of them are good.
bool check_values(const Setting& setting, const Given& given, Findings& findings);

// Checks them and, if all are good, sets the setting.
void set_values(const Setting& setting,
                const Given& given,
                Configuration& configuration,
                Findings& findings);

// A message for a file: "--tls-key needs --tls" is "tls-key needs tls" there.
std::string with_keys(const std::string& message);

}  // namespace onehop::config
