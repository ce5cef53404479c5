// SPDX-License-Identifier: Apache-2.0
//
// Contradiction describes settings that do not fit together.
// Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct Configuration;

struct Contradiction {
  std::string_view setting;  // the setting at whose place it is reported
  std::string why;           // names settings as flags: "--tls-key"
  // The setting that `setting` cannot be combined with, which may be `setting` itself; one of the
  // two has to change. If "", `setting` has no effect with the other settings as they are.
  std::string_view other = {};
  // The table that has the value; null for the top of the configuration.
  const Configuration* table = nullptr;
};
using Contradictions = std::vector<Contradiction>;

}  // namespace onehop::config
