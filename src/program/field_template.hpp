// SPDX-License-Identifier: Apache-2.0
//
// FieldTemplate: the value of a --header-up or --header-down, in which {client} and other names in
// braces stand for what is known of the request. {{ and }} are braces. A value; expand() may run on
// any thread.
#pragma once

#include <onehop/request.hpp>

#include "program/parsed.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

// What a template is about.
struct RequestFacts {
  const Request& in;     // as received
  bool peer_is_trusted;  // its X-Forwarded-* count
};

class FieldTemplate {
 public:
  // `text` is a part of `whole`, which a refusal shows with a caret.
  static Parsed<FieldTemplate> parse(std::string_view whole, std::string_view text);

  bool has_placeholders() const noexcept { return !placeholders_.empty(); }
  // Without placeholders: the value.
  const std::string& text() const noexcept { return texts_.front(); }
  std::string expand(const RequestFacts& facts) const;

 private:
  // Text, placeholder, text, placeholder, ..., text.
  std::vector<std::string> texts_{std::string()};
  std::vector<std::size_t> placeholders_;  // their places in the table
};

// "client", "peer", ...
std::vector<std::string_view> placeholder_names();

}  // namespace onehop::program
