// SPDX-License-Identifier: Apache-2.0
//
// The settings in the text of a configuration file: keys are names of settings, in which '_' stands
// for '-', and values have the type of the setting.
// Thread: any.
#pragma once

#include "config/config_files.hpp"
#include "config/given.hpp"

#include <vector>

namespace onehop::config {

// The texts of configuration files.
struct FileSettings {
  GivenSettings top = {};
  std::vector<GivenTable> tables = {};  // in the order of the files
};

// Adds what the file gives. A setting or an upstream that is there already, from another file, is a
// finding.
void read_settings(const ConfigFile& file, FileSettings& given, Findings& findings);

}  // namespace onehop::config
