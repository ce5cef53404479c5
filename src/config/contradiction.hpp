// SPDX-License-Identifier: Apache-2.0
//
// Contradiction: settings that do not fit together.
// Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct Configuration;

struct Contradiction {
  std::string_view setting;  // one of them, at whose place it is reported
  std::string why;           // names settings as flags: "--tls-key"
  // The one that `setting` cannot be used with, which may be `setting` itself: one of them has to
  // change. "": `setting` has no effect beside the others.
  std::string_view other = {};
  // The table of the configuration that has the value; null: the top.
  const Configuration* table = nullptr;
};
using Contradictions = std::vector<Contradiction>;

}  // namespace onehop::config
