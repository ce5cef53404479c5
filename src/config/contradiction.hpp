// SPDX-License-Identifier: Apache-2.0
//
// Contradiction: settings that do not fit together.
// Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct Contradiction {
  std::string_view setting;  // one of them, at whose place it is reported
  std::string why;           // names settings as flags: "--tls-key"
};
using Contradictions = std::vector<Contradiction>;

}  // namespace onehop::config
