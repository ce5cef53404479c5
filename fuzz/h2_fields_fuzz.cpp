// SPDX-License-Identifier: Apache-2.0
//
// Reads HTTP/2 field sections. Each accepted message keeps its meaning when it is written as
// HTTP/1, and as HTTP/2 again. Input: a kind, then lines of name, NUL, value, NUL.

#include "head_fuzz.hpp"
#include "http/h2/field_mapping.hpp"
#include "http/host.hpp"

namespace onehop::fuzz {
namespace {

constexpr h2::FieldLimits kFieldLimits = {.max_bytes = 2000, .max_fields = 20};

h2::FieldSection section_of(h2::FieldSection::Kind kind, std::string_view rest) {
  const Side side = kind == h2::FieldSection::Kind::request ? Side::client : Side::upstream;
  h2::FieldSection section(kind, side, Arena::create(), kFieldLimits);
  while (!rest.empty()) {
    const std::string_view name = take_text(rest);
    section.add(name, take_text(rest));
  }
  return section;
}

void check_as_http1(const Request& request) {
  const std::string_view target = request.url().target();
  const std::string wire = written_request(request.method(), target, "h", request.headers());
  h1::HeadParser parser(h1::HeadKind::request, h1::Limits());
  const Headers fields = reread(parser, wire);
  ONEHOP_CHECK(parser.method() == request.method());
  ONEHOP_CHECK(parser.target() == target);
  ONEHOP_CHECK(check_host(Version::http_1_1, fields));
  ONEHOP_CHECK(kept_fields(fields) == kept_fields(request.headers()));
}

void check_as_http2(const Request& request) {
  const ArenaRef memory = Arena::create();
  h2::FieldList lines;
  h2::write_request(request, {}, *memory, lines);
  h2::FieldSection section(h2::FieldSection::Kind::request, Side::client, memory, {});
  for (const Field& line : lines)
    section.add(line.name, line.value);
  const auto again = section.take_request();
  ONEHOP_CHECK(again);
  ONEHOP_CHECK(again->method() == request.method());
  ONEHOP_CHECK(again->url().target() == request.url().target());
  ONEHOP_CHECK(ascii::equals_ignoring_case(again->host(), request.host()));
}

void check_response(const Response& response) {
  const ArenaRef memory = Arena::create();
  h2::FieldList lines;
  h2::write_response(response.status(), response.headers(), {}, *memory, lines);
  h2::FieldSection section(h2::FieldSection::Kind::response, Side::upstream, memory, {});
  for (const Field& line : lines)
    section.add(line.name, line.value);
  const auto again = section.take_response();
  ONEHOP_CHECK(again);
  ONEHOP_CHECK(again->status() == response.status());
}

}  // namespace

void fuzz_one(std::string_view input) {
  using Kind = h2::FieldSection::Kind;
  if (input.empty()) return;
  switch (take_byte(input)) {
    case 'q':
      if (auto request = section_of(Kind::request, input).take_request()) {
        check_fields(request->headers());
        check_as_http1(*request);
        // An upgrade has the form of HTTP/1.
        if (!request->headers().has("Upgrade")) check_as_http2(*request);
      }
      break;
    case 'r':
      if (auto response = section_of(Kind::response, input).take_response()) {
        check_fields(response->headers());
        check_response(*response);
      }
      break;
    default:
      if (auto trailers = section_of(Kind::trailers, input).take_trailers())
        check_fields(*trailers);
  }
}

}  // namespace onehop::fuzz
