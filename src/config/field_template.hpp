// SPDX-License-Identifier: Apache-2.0
//
// FieldTemplate: the value of a --header-up or --header-down, in which {client} and other names in
// braces stand for facts about the request. {{ and }} are literal braces.
// Thread: any; constant.
#pragma once

#include <onehop/request.hpp>

#include "config/parsed.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

// The facts that a template can name.
struct RequestFacts {
  const Request& in;     // as received
  bool peer_is_trusted;  // its X-Forwarded-* fields count
};

class FieldTemplate {
 public:
  // `text` is a part of `whole`, which an error shows with a caret.
  static Parsed<FieldTemplate> parse(std::string_view whole, std::string_view text);

  bool has_placeholders() const noexcept { return !placeholders_.empty(); }
  // The value, if there are no placeholders.
  const std::string& text() const noexcept { return texts_.front(); }
  std::string expand(const RequestFacts& facts) const;

 private:
  // Text, placeholder, text, placeholder, ..., text.
  std::vector<std::string> texts_{std::string()};
  std::vector<std::size_t> placeholders_;  // indexes into the table
};

// "client", "peer", ...
std::vector<std::string_view> placeholder_names();

}  // namespace onehop::config
