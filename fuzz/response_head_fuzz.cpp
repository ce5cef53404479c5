// SPDX-License-Identifier: Apache-2.0
//
// A response off the wire: parser, framing, and back onto the wire.

#include "head_fuzz.hpp"
#include "http/message_framing.hpp"

namespace onehop::fuzz {
namespace {

void check_rewritten(const h1::HeadParser& parser, const Headers& headers) {
  const h1::HeadFraming framing;
  std::string wire(h1::head_size_bound(headers, parser.reason(), framing), '\0');
  const char* end =
      h1::write_response_head(wire.data(), parser.status(), parser.reason(), headers, framing, "");
  ONEHOP_CHECK(end <= wire.data() + wire.size());
  wire.resize(static_cast<std::size_t>(end - wire.data()));
  h1::HeadParser again(h1::HeadKind::response, h1::Limits());
  ONEHOP_CHECK(again.parse(wire) == State::complete);
  ONEHOP_CHECK(again.size() == wire.size());
  const Headers reread = again.take_headers(wire, Arena::create());
  ONEHOP_CHECK(again.status() == parser.status());
  ONEHOP_CHECK(again.reason() == parser.reason());
  ONEHOP_CHECK(kept_fields(reread) == kept_fields(headers));
}

}  // namespace
}  // namespace onehop::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace onehop;        // NOLINT(google-build-using-namespace)
  using namespace onehop::fuzz;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text_of(data, size);
  h1::HeadParser parser(h1::HeadKind::response, kLimits);
  const State state = parser.parse(input);
  check_split(h1::HeadKind::response, input, parser, state);
  if (state != State::complete) return 0;

  const Headers headers = parser.take_headers(input, Arena::create());
  check_fields(headers);
  ONEHOP_CHECK(parser.status().code() >= 100 && parser.status().code() <= 599);
  check_rewritten(parser, headers);
  for (const Method& method : {Method::get, Method::head}) {
    const Result<BodyFraming> framing =
        response_framing(method, parser.status(), parser.version(), headers);
    const bool both = headers.has("Content-Length") && headers.has("Transfer-Encoding");
    ONEHOP_CHECK(!framing || !both);
    if (framing && method == Method::head)
      ONEHOP_CHECK(!framing->has_content() || parser.status() == Status::switching_protocols);
  }
  return 0;
}
