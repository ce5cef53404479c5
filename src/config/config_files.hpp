// SPDX-License-Identifier: Apache-2.0
//
// Reads the files that --config names, each once: a file that changes later is another reload's.
// Thread: any.
#pragma once

#include "config/finding.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace onehop::config {

struct ConfigFile {
  std::string name;  // as named; for a file of a directory "conf.d/a.toml"
  std::string text;
};

struct NamedFiles {
  Origin origin;  // --config, ONEHOP_CONFIG
  std::vector<std::string> names;
};

// A directory stands for its *.toml in byte order, without hidden ones. A file that cannot be read
// becomes a finding. Waits for the writer of a pipe.
std::vector<ConfigFile> read_config_files(const NamedFiles& named, Findings& findings);
// The same while the process serves: a pipe, which can be read once, becomes a finding.
std::vector<ConfigFile> read_config_files_again(const NamedFiles& named, Findings& findings);

// Reports whether a file can be read only once, as a pipe. A file that does not exist may be read
// later.
bool is_read_once(const std::string& name);

// A fingerprint of the contents, or of the errors that kept them from being read.
std::size_t fingerprint_of(const std::vector<ConfigFile>& files, const Findings& findings);

}  // namespace onehop::config
