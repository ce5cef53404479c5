// SPDX-License-Identifier: Apache-2.0
//
// Reads a request from the wire through parser, target, Host and framing, and writes it back.

#include <onehop/url.hpp>

#include "head_fuzz.hpp"
#include "http/host.hpp"
#include "http/message_framing.hpp"

#include <algorithm>

namespace onehop::fuzz {
namespace {

void check_rewritten(const h1::HeadParser& parser, const Url& url, const Headers& headers) {
  const std::string_view host = url.is_absolute() ? url.authority() : "h";
  const std::string wire = written_request(parser.method(), url.target(), host, headers);
  h1::HeadParser again(h1::HeadKind::request, h1::Limits());
  const Headers fields = reread(again, wire);
  ONEHOP_CHECK(again.method() == parser.method());
  ONEHOP_CHECK(again.target() == url.target());
  std::string expected = kept_fields(headers);
  if (!headers.has("Host")) expected.insert(0, "Host: " + std::string(host) + "\n");
  ONEHOP_CHECK(kept_fields(fields) == expected);
}

}  // namespace

void fuzz_one(std::string_view input) {
  h1::HeadParser parser(h1::HeadKind::request, kLimits);
  const State state = parser.parse(input);
  check_split(h1::HeadKind::request, input, parser, state);
  if (state != State::complete) return;

  const Headers headers = parser.take_headers(input, Arena::create());
  check_fields(headers);
  ONEHOP_CHECK(headers.size() <= kLimits.max_header_fields);
  const Result<Url> url = Url::parse_target(parser.target());
  if (!url || !check_host(parser.version(), headers)) return;
  check_rewritten(parser, *url, headers);

  const Result<BodyFraming> framing = request_framing(parser.version(), headers);
  if (!framing) return;
  const bool both = headers.has("Content-Length") && headers.has("Transfer-Encoding");
  ONEHOP_CHECK(!both);
  ONEHOP_CHECK(framing->kind != BodyFraming::Kind::until_close);
  ONEHOP_CHECK(framing->kind != BodyFraming::Kind::none || !headers.has("Transfer-Encoding"));
}

}  // namespace onehop::fuzz
