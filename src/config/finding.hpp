// SPDX-License-Identifier: Apache-2.0
//
// Finding is one mistake in the configuration, or a fact about it that the operator should know,
// with its place. load() collects all findings.
// Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

enum class Severity : std::uint8_t { warning, error };

// The source of a value, in ascending order of precedence.
enum class Source : std::uint8_t { default_value, file, variable, flag };

// A place in one of the sources.
struct Origin {
  Source source = Source::default_value;
  std::string name = {};   // "onehop.toml", "ONEHOP_LISTEN", "--listen"; "" for an argument
  std::size_t line = 0;    // in a file, from 1; 0 stands for the whole file
  std::size_t column = 0;  // in code points, from 1
};

// A text with the wrong part of it: a line of a file, or a value as typed.
struct Excerpt {
  std::string text = {};  // "" for none
  std::size_t begin = 0;  // of the wrong part, in bytes of the text
  std::size_t size = 0;   // 0: the text is shown without carets
};

struct Finding {
  Severity severity = Severity::error;
  Origin origin = {};
  std::string message = {};
  std::string hint = {};  // the remedy: "did you mean --listen?"; may be ""
  Excerpt excerpt = {};
};

using Findings = std::vector<Finding>;

bool has_errors(const Findings& findings);
std::size_t count_of(const Findings& findings, Severity severity);

// Returns "onehop.toml:4", "--listen" or "ONEHOP_LISTEN"; "default" for a default, "argument" for
// an argument.
std::string text_of(const Origin& origin);

// Returns one line for a log: "onehop.toml:4:1: unknown setting 'lsten'; did you mean listen?"
std::string sentence_of(const Finding& finding);

// Sets the message, hint and excerpt of `finding` from the error of a Parsed (config/parsed.hpp),
// which may point at a part of a text and end with a suggestion.
void explain(Finding& finding, std::string_view refusal);

}  // namespace onehop::config
