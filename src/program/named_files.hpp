// SPDX-License-Identifier: Apache-2.0
//
// Lists the files that settings name for reading: certificates, keys, authorities, tokens,
// configurations.
// Thread: any; constant.
#pragma once

#include "config/configuration.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

struct NamedFile {
  std::string_view setting;
  std::size_t index = 0;  // of the value within the setting
  std::string path;
  const config::Configuration* table = nullptr;  // null for the top level
};

std::vector<NamedFile> named_files(const config::Configuration& configuration);

}  // namespace onehop::program
