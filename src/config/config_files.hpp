// SPDX-License-Identifier: Apache-2.0
//
// Reads the files that --config names. Each file is read once, so a change during a load is left to
// the next reload.
// Thread: any.
#pragma once

#include "config/finding.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace onehop::config {

struct ConfigFile {
  std::string name;  // as named; "conf.d/a.toml" for a file in a directory
  std::string text;
};

struct NamedFiles {
  Origin origin;  // --config, ONEHOP_CONFIG
  std::vector<std::string> names;
};

// Reads the files. A directory stands for the *.toml files in it, in byte order, without hidden
// ones. A file that cannot be read becomes a finding. Blocks until the writer of a pipe has closed
// it.
std::vector<ConfigFile> read_config_files(const NamedFiles& named, Findings& findings);
// Does the same while the process serves. A pipe, which can be read only once, becomes a finding.
std::vector<ConfigFile> read_config_files_again(const NamedFiles& named, Findings& findings);

// Reports whether the file can be read only once, like a pipe. Returns false if it does not exist.
bool is_read_once(const std::string& name);

// Returns a fingerprint of the names and contents, and of the errors of files that could not be
// read.
std::size_t fingerprint_of(const std::vector<ConfigFile>& files, const Findings& findings);

}  // namespace onehop::config
