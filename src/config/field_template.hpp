// SPDX-License-Identifier: Apache-2.0
//
// FieldTemplate is the value of a --header-up or --header-down. In it, {client} and other names in
// braces stand for facts about the request; {{ and }} are literal braces.
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
  bool peer_is_trusted;  // the peer may set X-Forwarded-* fields
};

class FieldTemplate {
 public:
  // Parses `text`, a part of `whole`. An error shows `whole` with a caret.
  static Parsed<FieldTemplate> parse(std::string_view whole, std::string_view text);

  bool has_placeholders() const noexcept { return !placeholders_.empty(); }
  // Returns the value. Valid only without placeholders.
  const std::string& text() const noexcept { return texts_.front(); }
  std::string expand(const RequestFacts& facts) const;

 private:
  // Alternates with the placeholders: text, placeholder, text, ..., text.
  std::vector<std::string> texts_{std::string()};
  std::vector<std::size_t> placeholders_;  // indexes into the table
};

// "client", "peer", ...
std::vector<std::string_view> placeholder_names();

}  // namespace onehop::config
