// SPDX-License-Identifier: Apache-2.0
//
// Checks properties of a parsed head for the request and response targets: the result does not
// depend on how the input is split, and a head written from it reads the same.
// Thread: any.
#pragma once

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "base/check.hpp"
#include "fuzz_one.hpp"
#include "http/h1/parser.hpp"
#include "http/h1/serializer.hpp"
#include "http/header_lines.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace onehop::fuzz {

using State = h1::HeadParser::State;

// Small, so that inputs reach the limits.
inline constexpr h1::Limits kLimits = {
    .max_start_line = 200, .max_header_bytes = 2000, .max_header_fields = 20};

// Parses byte by byte, each time from a new buffer of exactly the right size.
inline void check_split(h1::HeadKind kind,
                        std::string_view input,
                        const h1::HeadParser& whole,
                        State expected) {
  h1::HeadParser parser(kind, kLimits);
  State state = State::incomplete;
  for (std::size_t n = 0; n <= input.size() && state == State::incomplete; ++n) {
    const std::string buffer(input.substr(0, n));
    state = parser.parse(buffer);
  }
  ONEHOP_CHECK(state == expected);
  if (state == State::complete) ONEHOP_CHECK(parser.size() == whole.size());
  if (state == State::failed) ONEHOP_CHECK(parser.error().code() == whole.error().code());
}

inline void check_fields(const Headers& headers) {
  for (const FieldLine& line : HeaderLines(headers)) {
    const Field field = line.field();
    ONEHOP_CHECK(ascii::is_token(field.name));
    ONEHOP_CHECK(ascii::is_field_value(field.value));
    ONEHOP_CHECK(ascii::trim_blanks(field.value) == field.value);
    if (!line.verbatim) continue;
    const std::string wire = std::string(field.name) + ": " + std::string(field.value) + "\r\n";
    ONEHOP_CHECK(std::string_view(line.name_data, wire.size()) == wire);
  }
}

// Returns the text that `write` writes into `bound` bytes of memory.
template <class Write>
std::string written(std::size_t bound, Write write) {
  std::string out(bound, '\0');
  const char* end = write(out.data());
  ONEHOP_CHECK(end <= out.data() + out.size());
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

inline std::string written_request(const Method& method,
                                   std::string_view target,
                                   std::string_view host,
                                   const Headers& headers) {
  const h1::HeadFraming framing;
  return written(h1::head_size_bound(headers, target, framing), [&](char* out) {
    return h1::write_request_head(out, method, target, host, headers, framing);
  });
}

// Parses a complete head that ends the text.
inline Headers reread(h1::HeadParser& parser, std::string_view wire) {
  ONEHOP_CHECK(parser.parse(wire) == State::complete);
  ONEHOP_CHECK(parser.size() == wire.size());
  return parser.take_headers(wire, Arena::create());
}

// Returns the fields that reach the other side: all except those that the serializer writes itself.
inline std::string kept_fields(const Headers& headers) {
  std::string text;
  for (const Field field : headers) {
    bool afresh = false;
    for (const std::string_view name :
         {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection",
          "TE", "Trailer", "Upgrade"}) {
      afresh = afresh || ascii::equals_ignoring_case(field.name, name);
    }
    if (!afresh) text.append(field.name).append(": ").append(field.value).append("\n");
  }
  return text;
}

}  // namespace onehop::fuzz
