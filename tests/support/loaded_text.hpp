// SPDX-License-Identifier: Apache-2.0
//
// load_text() loads a configuration from a file with this text.
// Thread: any.
#pragma once

#include "config/load.hpp"

#include <string>
#include <utility>
#include <vector>

namespace onehop::config {

inline Loaded load_files(const std::vector<ConfigFile>& files,
                         std::vector<std::string> arguments = {},
                         const Environment& environment = {}) {
  arguments.insert(arguments.end(), {"--config", "named"});
  return load(arguments, environment, [&files](const NamedFiles&, Findings&) { return files; });
}

inline Loaded load_text(const std::string& text,
                        std::vector<std::string> arguments = {},
                        const Environment& environment = {}) {
  return load_files({{"onehop.toml", text}}, std::move(arguments), environment);
}

}  // namespace onehop::config
