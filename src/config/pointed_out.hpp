// SPDX-License-Identifier: Apache-2.0
//
// Marks an error in a text: the text as typed, and carets below the wrong part.
// Thread: any.
#pragma once

#include "config/parsed.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace onehop::config {

// Returns `why`, the text, and carets below `part`, which is a view into `text`.
std::unexpected<std::string> pointed_out(std::string_view text,
                                         std::string_view part,
                                         std::string why);

// The parts of a text that pointed_out() made, as views into it. Any other text has only `why`.
struct PointedOut {
  std::string_view why;
  std::string_view text = {};
  std::size_t begin = 0;  // of the carets, in bytes of `text`
  std::size_t size = 0;   // of the carets; 0 if there are none
};
PointedOut split_pointed_out(std::string_view refusal);

// Returns "; did you mean TEXT?".
std::string did_you_mean(std::string_view text);

// Returns "'TEXT'".
std::string in_quotes(std::string_view text);

}  // namespace onehop::config
