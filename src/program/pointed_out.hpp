// SPDX-License-Identifier: Apache-2.0
//
// Marks an error in a text: the text as typed, and carets below the wrong part.
// Thread: any.
#pragma once

#include "program/parsed.hpp"

#include <string>
#include <string_view>

namespace onehop::program {

// Returns `why`, the text, and carets below `part`, which is a view into `text`.
std::unexpected<std::string> pointed_out(std::string_view text,
                                         std::string_view part,
                                         std::string why);

// "; did you mean TEXT?"
std::string did_you_mean(std::string_view text);

// "'TEXT'"
std::string in_quotes(std::string_view text);

}  // namespace onehop::program
