// SPDX-License-Identifier: Apache-2.0
#include "h1_messages.hpp"

#include "base/arena.hpp"
#include "http/h1/chunked_decoder.hpp"
#include "http/h1/parser.hpp"
#include "http/host.hpp"

#include <algorithm>

namespace onehop::fuzz {
namespace {

using End = H1Message::End;

// These exceed every limit of the proxy.
constexpr h1::Limits kLimits = {.max_start_line = std::size_t{1} << 20U,
                                .max_header_bytes = std::size_t{1} << 20U,
                                .max_header_fields = 4096};

void take_chunks(std::string_view& data, H1Message& message) {
  h1::ChunkedDecoder decoder(Side::client, kLimits);
  message.end = End::in_body;
  for (;;) {
    const auto step = decoder.decode(data);
    if (!step) {
      message.malformed = true;
      return;
    }
    message.content += step->data;
    data.remove_prefix(step->consumed);
    if (step->finished) break;
    if (step->consumed == 0) {
      data = {};
      return;
    }
  }
  message.trailers = decoder.take_trailers(Arena::create());
  message.end = End::complete;
}

void take_content(std::string_view& data, H1Message& message) {
  switch (message.framing.kind) {
    case BodyFraming::Kind::none:
      message.end = End::complete;
      return;
    case BodyFraming::Kind::length: {
      const std::size_t size = std::min<std::uint64_t>(message.framing.length, data.size());
      message.content = data.substr(0, size);
      data.remove_prefix(size);
      message.end = size == message.framing.length ? End::complete : End::in_body;
      return;
    }
    case BodyFraming::Kind::chunked:
      take_chunks(data, message);
      return;
    default:
      message.content = data;
      data = {};
      message.end = End::connection;
  }
}

// Returns true once the head is complete.
bool take_head(h1::HeadParser& parser, std::string_view& data, H1Message& message) {
  if (data.empty()) return false;
  message.end = End::in_head;
  switch (parser.parse(data)) {
    case h1::HeadParser::State::failed:
      message.malformed = true;
      return false;
    case h1::HeadParser::State::incomplete:
      data = {};
      return false;
    default:
      break;
  }
  message.headers = parser.take_headers(data, Arena::create());
  message.version = parser.version();
  data.remove_prefix(parser.size());
  return true;
}

// Returns the next response; each 1xx is one.
H1Message next_response(std::string_view& data, const Method& asked) {
  H1Message message;
  h1::HeadParser parser(h1::HeadKind::response, kLimits);
  if (!take_head(parser, data, message)) return message;
  message.status = parser.status();
  if (message.status.is_informational() && message.status != Status::switching_protocols) {
    message.end = End::complete;
    return message;
  }
  const auto framing = response_framing(asked, message.status, message.version, message.headers);
  if (!framing) {
    message.malformed = true;
    return message;
  }
  message.framing = *framing;
  take_content(data, message);
  return message;
}

}  // namespace

H1Message take_request(std::string_view& data) {
  H1Message message;
  h1::HeadParser parser(h1::HeadKind::request, kLimits);
  if (!take_head(parser, data, message)) return message;
  message.method = parser.method();
  message.target = parser.target();
  const auto framing = request_framing(message.version, message.headers);
  if (!framing || !check_host(message.version, message.headers)) {
    message.malformed = true;
    return message;
  }
  message.framing = *framing;
  take_content(data, message);
  return message;
}

H1Message take_response(std::string_view& data, const Method& asked) {
  for (std::size_t informational = 0;; ++informational) {
    H1Message message = next_response(data, asked);
    message.informational = informational;
    const bool follows = message.has_head() && message.status.is_informational() &&
                         message.status != Status::switching_protocols;
    if (!follows) return message;
  }
}

}  // namespace onehop::fuzz
