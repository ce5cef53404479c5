// SPDX-License-Identifier: Apache-2.0
//
// Formats findings for people, each with its line and carets below the wrong part, and for programs
// as JSON.
// Thread: any.
#pragma once

#include "config/finding.hpp"

#include <string>

namespace onehop::config {

enum class Colour : std::uint8_t { never, always };

// Returns one to three lines for each finding; each line ends with a line break.
std::string text_of(const Findings& findings, Colour colour = Colour::never);

// Returns "4 errors, 1 warning"; "" if there are no findings.
std::string summary_of(const Findings& findings);

// {"findings": [{"severity": "error", "source": "file", "name": "onehop.toml", "line": 4, ...}],
//  "errors": 1, "warnings": 0}
std::string json_of(const Findings& findings);

}  // namespace onehop::config
