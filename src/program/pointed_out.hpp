// SPDX-License-Identifier: Apache-2.0
//
// How a refusal shows the place of a mistake: the text as it was typed, and carets below the part
// that is wrong. Pure functions; any thread.
#pragma once

#include "program/parsed.hpp"

#include <string>
#include <string_view>

namespace onehop::program {

// "why", the text, and carets below `part`, which is a view into `text`.
std::unexpected<std::string> pointed_out(std::string_view text,
                                         std::string_view part,
                                         std::string why);

// "; did you mean TEXT?"
std::string did_you_mean(std::string_view text);

// "'TEXT'"
std::string in_quotes(std::string_view text);

}  // namespace onehop::program
