// SPDX-License-Identifier: Apache-2.0
//
// Reads the settings in the text of a configuration file. Keys are names of settings, in which '_'
// may stand for '-'; values have the type of their setting.
// Thread: any.
#pragma once

#include "config/config_files.hpp"
#include "config/given.hpp"

#include <vector>

namespace onehop::config {

// The settings of all configuration files, not yet parsed.
struct FileSettings {
  GivenSettings top = {};
  std::vector<GivenTable> tables = {};  // in the order of the files
};

// Adds the settings of `file` to `given`. A setting or an upstream that another file has added
// already becomes a finding.
void read_settings(const ConfigFile& file, FileSettings& given, Findings& findings);

}  // namespace onehop::config
