// SPDX-License-Identifier: Apache-2.0
//
// Reads a response from the wire through parser and framing, and writes it back.

#include "head_fuzz.hpp"
#include "http/message_framing.hpp"

namespace onehop::fuzz {
namespace {

void check_rewritten(const h1::HeadParser& parser, const Headers& headers) {
  const h1::HeadFraming framing;
  const std::size_t bound = h1::head_size_bound(headers, parser.reason(), framing);
  const std::string wire = written(bound, [&](char* out) {
    return h1::write_response_head(out, parser.status(), parser.reason(), headers, framing, "");
  });
  h1::HeadParser again(h1::HeadKind::response, h1::Limits());
  const Headers fields = reread(again, wire);
  ONEHOP_CHECK(again.status() == parser.status());
  ONEHOP_CHECK(again.reason() == parser.reason());
  ONEHOP_CHECK(kept_fields(fields) == kept_fields(headers));
}

}  // namespace

void fuzz_one(std::string_view input) {
  h1::HeadParser parser(h1::HeadKind::response, kLimits);
  const State state = parser.parse(input);
  check_split(h1::HeadKind::response, input, parser, state);
  if (state != State::complete) return;

  const Headers headers = parser.take_headers(input, Arena::create());
  check_fields(headers);
  ONEHOP_CHECK(parser.status().code() >= 100 && parser.status().code() <= 599);
  check_rewritten(parser, headers);
  for (const Method& method : {Method::get, Method::head, Method::connect}) {
    const Result<BodyFraming> framing =
        response_framing(method, parser.status(), parser.version(), headers);
    const bool both = headers.has("Content-Length") && headers.has("Transfer-Encoding");
    ONEHOP_CHECK(!framing || !both);
    if (framing && method == Method::head)
      ONEHOP_CHECK(!framing->has_content() || parser.status() == Status::switching_protocols);
  }
}

}  // namespace onehop::fuzz
