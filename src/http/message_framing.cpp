// SPDX-License-Identifier: Apache-2.0

#include "http/message_framing.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "http/list_value.hpp"

#include <string_view>

namespace onehop {
namespace {

Errc malformed(Side side) noexcept {
  return side == Side::client ? Errc::bad_request : Errc::bad_response;
}

std::unexpected<Error> malformed(Side side, const char* detail) {
  return failure(malformed(side), side, detail);
}

// Calls see(value) for every line with that name until it returns false.
template <class See>
void for_each_value(const Headers& headers, FieldId id, See see) {
  if (!HeaderLines(headers).has(id)) return;
  for (const FieldLine& line : HeaderLines(headers)) {
    if (line.id == id && !see(line.field().value)) return;
  }
}

// Reports whether `value` is a list of valid tokens without "chunked" as the last of several: a
// coding that a newer implementation might define. Everything else is malformed.
bool is_unknown_coding(std::string_view value) {
  std::size_t others = 0;
  std::string_view last;
  for (const std::string_view member : ListMembers(value)) {
    if (!ascii::is_token(member)) return false;
    // chunked must be the last coding
    if (ascii::equals_ignoring_case(last, "chunked")) return false;
    last = member;
    if (!ascii::equals_ignoring_case(member, "chunked")) ++others;
  }
  return others != 0;
}

// Transfer-Encoding is present: exactly one line with the single token "chunked" is accepted.
Result<BodyFraming> chunked_framing(Side side, Version version, const Headers& headers) {
  if (HeaderLines(headers).has(FieldId::content_length)) {
    return malformed(side, "both Transfer-Encoding and Content-Length");
  }
  if (version != Version::http_1_1) {
    return malformed(side, "Transfer-Encoding in a message that is not HTTP/1.1");
  }
  std::size_t lines = 0;
  std::string_view value;
  for_each_value(headers, FieldId::transfer_encoding, [&](std::string_view v) {
    value = v;
    return ++lines < 2;
  });
  if (lines > 1) return malformed(side, "more than one Transfer-Encoding");
  if (!ascii::equals_ignoring_case(value, "chunked")) {
    if (side == Side::client && is_unknown_coding(value)) {
      return failure(Errc::unsupported_transfer, side, "a transfer coding other than chunked");
    }
    return malformed(side, "Transfer-Encoding is not chunked");
  }
  // A sender that announces framing fields as trailers is malicious.
  for (const FieldName& name : {field::transfer_encoding, field::content_length, field::trailer}) {
    if (headers.has_token(field::trailer, name.text())) {
      return malformed(side, "Trailer names a framing field");
    }
  }
  return BodyFraming::chunked();
}

}  // namespace

Result<std::optional<std::uint64_t>> content_length(const Headers& headers, Side side) {
  std::optional<std::uint64_t> length;
  bool valid = true;
  for_each_value(headers, FieldId::content_length, [&](std::string_view value) {
    const std::optional<std::uint64_t> number = ascii::parse_decimal(value);
    valid = number.has_value() && (!length || *length == *number);
    length = number;
    return valid;
  });
  if (!valid) return malformed(side, "Content-Length is not a single number");
  return length;
}

// The numbers are those of the list in RFC 9112 §6.3.
Result<BodyFraming> request_framing(Version version, const Headers& headers) {
  constexpr Side kSide = Side::client;
  // 1, 2: responses only.
  // 3: Transfer-Encoding together with Content-Length is refused, as the RFC allows.
  // 4: Transfer-Encoding. If chunked is not the final coding, the length is unknown: 400.
  if (HeaderLines(headers).has(FieldId::transfer_encoding))
    return chunked_framing(kSide, version, headers);
  // 5: an invalid Content-Length is unrecoverable. Identical lines count as one.
  const Result<std::optional<std::uint64_t>> length = content_length(headers, kSide);
  if (!length) return failure(length.error());
  // 6: a valid Content-Length is the length.
  if (*length) return BodyFraming::of_length(**length);
  // 7: a request without these fields has no content.
  return BodyFraming::none();
}

// The numbers are those of the list in RFC 9112 §6.3.
Result<BodyFraming> response_framing(const Method& method,
                                     Status status,
                                     Version version,
                                     const Headers& headers) {
  constexpr Side kSide = Side::upstream;
  // Before 1: contradictory fields are refused even if they decide nothing, because the client
  // would see them.
  Result<BodyFraming> said = BodyFraming::until_close();
  if (HeaderLines(headers).has(FieldId::transfer_encoding)) {
    said = chunked_framing(kSide, version, headers);  // 3 and 4
  } else {
    const Result<std::optional<std::uint64_t>> length = content_length(headers, kSide);
    if (!length) return failure(length.error());           // 5
    if (*length) said = BodyFraming::of_length(**length);  // 6
  }
  if (!said) return said;
  // 1: 101 ends HTTP on this connection; HEAD, 1xx, 204 and 304 have no content.
  if (status == Status::switching_protocols) return BodyFraming{BodyFraming::Kind::tunnel, 0};
  if (method == Method::head || status.forbids_body()) return BodyFraming::none();
  // 2: a successful CONNECT ends HTTP too.
  if (method == Method::connect && status.code() < 300) {
    return BodyFraming{BodyFraming::Kind::tunnel, 0};
  }
  // 8: a response without these fields ends with the connection.
  return said;
}

bool allows_reuse(Version version, const Headers& headers) noexcept {
  if (version == Version::http_2) return true;
  if (headers.has_token(field::connection, "close")) return false;
  return version == Version::http_1_1 || headers.has_token(field::connection, "keep-alive");
}

}  // namespace onehop
