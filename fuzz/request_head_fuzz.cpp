// SPDX-License-Identifier: Apache-2.0
//
// A request off the wire: parser, target, Host, framing, and back onto the wire.

#include <onehop/url.hpp>

#include "head_fuzz.hpp"
#include "http/host.hpp"
#include "http/message_framing.hpp"

#include <algorithm>

namespace onehop::fuzz {
namespace {

std::string written(const h1::HeadParser& parser, const Url& url, const Headers& headers) {
  const h1::HeadFraming framing;
  std::string out(h1::head_size_bound(headers, url.target(), framing), '\0');
  const char* end =
      h1::write_request_head(out.data(), parser.method(), url.target(),
                             url.is_absolute() ? url.authority() : "h", headers, framing);
  ONEHOP_CHECK(end <= out.data() + out.size());
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

void check_rewritten(const h1::HeadParser& parser, const Url& url, const Headers& headers) {
  const std::string wire = written(parser, url, headers);
  h1::HeadParser again(h1::HeadKind::request, h1::Limits());
  ONEHOP_CHECK(again.parse(wire) == State::complete);
  ONEHOP_CHECK(again.size() == wire.size());
  const Headers reread = again.take_headers(wire, Arena::create());
  ONEHOP_CHECK(again.method() == parser.method());
  ONEHOP_CHECK(again.target() == url.target());
  std::string expected = kept_fields(headers);
  if (!headers.has("Host")) {
    expected.insert(0, "Host: " + std::string(url.is_absolute() ? url.authority() : "h") + "\n");
  }
  ONEHOP_CHECK(kept_fields(reread) == expected);
}

}  // namespace
}  // namespace onehop::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onehop;        // NOLINT(google-build-using-namespace)
  using namespace onehop::fuzz;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text_of(data, size);
  h1::HeadParser parser(h1::HeadKind::request, kLimits);
  const State state = parser.parse(input);
  check_split(h1::HeadKind::request, input, parser, state);
  if (state != State::complete) return 0;

  const Headers headers = parser.take_headers(input, Arena::create());
  check_fields(headers);
  ONEHOP_CHECK(headers.size() <= kLimits.max_header_fields);
  const Result<Url> url = Url::parse_target(parser.target());
  if (!url || !check_host(parser.version(), headers)) return 0;
  check_rewritten(parser, *url, headers);

  const Result<BodyFraming> framing = request_framing(parser.version(), headers);
  if (!framing) return 0;
  const bool both = headers.has("Content-Length") && headers.has("Transfer-Encoding");
  ONEHOP_CHECK(!both);
  ONEHOP_CHECK(framing->kind != BodyFraming::Kind::until_close);
  ONEHOP_CHECK(framing->kind != BodyFraming::Kind::none || !headers.has("Transfer-Encoding"));
  return 0;
}
