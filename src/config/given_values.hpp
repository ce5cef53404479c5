// SPDX-License-Identifier: Apache-2.0
//
// Parses the values that one source has for a setting. Each value that the setting refuses becomes
// a finding at its place.
// Thread: any.
#pragma once

#include "config/configuration.hpp"
#include "config/finding.hpp"
#include "config/given.hpp"

#include <string>

namespace onehop::config {

// Reports whether all values are good.
bool check_values(const Setting& setting, const Given& given, Findings& findings);

// Checks the values and, if all are good, stores them in `configuration`.
void set_values(const Setting& setting,
                const Given& given,
                Configuration& configuration,
                Findings& findings);

// Returns the message with keys of a file for flags: "--tls-key needs --tls" becomes "tls-key needs
// tls".
std::string with_keys(const std::string& message);

}  // namespace onehop::config
