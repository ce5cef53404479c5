// SPDX-License-Identifier: Apache-2.0
//
// The files that settings name for reading: certificates, keys, authorities, tokens,
// configurations. Thread: any; constant.
#pragma once

#include "config/configuration.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

struct NamedFile {
  std::string_view setting;
  std::size_t index = 0;  // among the values of the setting
  std::string path;
  const config::Configuration* table = nullptr;  // null: at the top
};

std::vector<NamedFile> named_files(const config::Configuration& configuration);

}  // namespace onehop::program
