// SPDX-License-Identifier: Apache-2.0
//
// The sending half of field_mapping.hpp.

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/field_rules.hpp"
#include "http/h2/field_mapping.hpp"
#include "http/header_lines.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace onehop::h2 {
namespace {

// The known names in lower case, made at compile time, so that most names are sent without a copy.
constexpr std::size_t kLongestLower = 32;
struct LowerName {
  std::array<char, kLongestLower> text{};
  std::size_t size = 0;
  constexpr std::string_view view() const noexcept { return {text.data(), size}; }
};

constexpr LowerName lower_name(std::string_view name) {
  LowerName lower;
  lower.size = name.size();
  for (std::size_t i = 0; i < name.size(); ++i)
    lower.text[i] = ascii::to_lower(name[i]);
  return lower;
}

constexpr std::array kLowerNames = {
    LowerName{},
#define ONEHOP_FIELD(id, name, flags) lower_name(name),
#include "http/field_names.def"
#undef ONEHOP_FIELD
};

constexpr std::uint64_t kNeverSent = bit_of(FieldId::connection) | bit_of(FieldId::keep_alive) |
                                     bit_of(FieldId::proxy_connection) |
                                     bit_of(FieldId::transfer_encoding) | bit_of(FieldId::upgrade) |
                                     bit_of(FieldId::content_length) | bit_of(FieldId::te) |
                                     bit_of(FieldId::trailer) | bit_of(FieldId::http2_settings);

std::string_view lower_name(const FieldLine& line, Arena& memory) {
  if (line.id != FieldId::unknown) return kLowerNames[static_cast<std::size_t>(line.id)].view();
  const std::string_view name = line.field().name;
  if (std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return name;
  }
  auto* copy = static_cast<char*>(memory.allocate(name.size()));
  std::transform(name.begin(), name.end(), copy, ascii::to_lower);
  return {copy, name.size()};
}

void write_lines(const Headers& headers, std::uint64_t skipped, Arena& memory, FieldList& out) {
  for (const FieldLine& line : HeaderLines(headers)) {
    if (!is_in(skipped, line.id)) out.push_back({lower_name(line, memory), line.field().value});
  }
}

std::string_view decimal(std::uint64_t value, Arena& memory) {
  auto* text = static_cast<char*>(memory.allocate(20));
  const char* end = std::to_chars(text, text + 20, value).ptr;
  return {text, static_cast<std::size_t>(end - text)};
}

std::string_view status_text(Status status, Arena& memory) {
  switch (status.code()) {
    case 200:
      return "200";
    case 204:
      return "204";
    case 304:
      return "304";
    case 404:
      return "404";
    default:
      return decimal(static_cast<std::uint64_t>(status.code()), memory);
  }
}

void write_length(std::optional<std::uint64_t> length, Arena& memory, FieldList& out) {
  if (length) out.push_back({"content-length", decimal(*length, memory)});
}

}  // namespace

void write_response(Status status,
                    const Headers& headers,
                    const ResponseFraming& framing,
                    Arena& memory,
                    FieldList& out) {
  out.push_back({":status", status_text(status, memory)});
  write_lines(headers, kNeverSent, memory, out);
  if (framing.length) {
    write_length(framing.length, memory, out);
  } else if (framing.keep_content_length && HeaderLines(headers).has(FieldId::content_length)) {
    out.push_back({"content-length", headers.get_or_empty(field::content_length)});
  }
  if (framing.announce_trailers && HeaderLines(headers).has(FieldId::trailer)) {
    out.push_back({"trailer", headers.get_or_empty(field::trailer)});
  }
  if (!framing.date.empty() && !HeaderLines(headers).has(FieldId::date))
    out.push_back({"date", framing.date});
}

void write_request(const Request& request,
                   const RequestFraming& framing,
                   Arena& memory,
                   FieldList& out) {
  constexpr std::uint64_t kSkipped = kNeverSent | bit_of(FieldId::host);
  const Headers& headers = request.headers();
  const std::string_view host = headers.get_or_empty(field::host);
  const std::string_view authority = host.empty() ? memory.copy(request.url().authority()) : host;
  out.push_back({":method", framing.extended_connect ? std::string_view("CONNECT")
                                                     : memory.copy(request.method().text())});
  if (framing.extended_connect) {
    out.push_back({":protocol", headers.get_or_empty(field::upgrade)});
  }
  out.push_back({":scheme", framing.scheme});
  out.push_back({":authority", authority});
  out.push_back({":path", memory.copy(request.url().target())});
  // RFC 8441 §5: the key belongs to the HTTP/1.1 handshake only.
  const std::uint64_t skipped =
      framing.extended_connect ? kSkipped | bit_of(FieldId::sec_websocket_key) : kSkipped;
  write_lines(headers, skipped, memory, out);
  write_length(framing.length, memory, out);
  if (framing.announce_trailers && HeaderLines(headers).has(FieldId::trailer)) {
    out.push_back({"trailer", headers.get_or_empty(field::trailer)});
  }
  if (headers.has_token(field::te, "trailers")) out.push_back({"te", "trailers"});
}

void write_trailers(const Headers& trailers, Arena& memory, FieldList& out) {
  for (const FieldLine& line : HeaderLines(trailers)) {
    if (is_forbidden_in_trailers(line.id, line.field().name)) continue;
    out.push_back({lower_name(line, memory), line.field().value});
  }
}

}  // namespace onehop::h2
