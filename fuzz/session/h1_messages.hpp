// SPDX-License-Identifier: Apache-2.0
//
// Whole HTTP/1 messages out of everything a peer received: how a strict receiver reads what the
// proxy wrote. One thread.
#pragma once

#include <onehop/headers.hpp>
#include <onehop/method.hpp>
#include <onehop/status.hpp>
#include <onehop/version.hpp>

#include "http/message_framing.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace onehop::fuzz {

struct H1Message {
  enum class End : std::uint8_t {
    nothing,    // not one byte is there
    in_head,    // the bytes end inside the head
    in_body,    // they end inside the content
    complete,   // the framing said so
    connection  // the content ends where the connection does
  };

  End end = End::nothing;
  bool malformed = false;
  Version version = Version::http_1_1;
  Method method;                  // of a request
  std::string target;             // of a request
  Status status;                  // of a response
  std::size_t informational = 0;  // 1xx before it
  Headers headers;
  BodyFraming framing;
  std::string content;
  Headers trailers;

  bool has_head() const noexcept { return end > End::in_head; }
};

// Takes the message at the front of `bytes` away. What is malformed stays, and says so.
H1Message take_request(std::string_view& data);
// The next response to a request with that method, behind every 1xx but a 101.
H1Message take_response(std::string_view& data, const Method& asked);

}  // namespace onehop::fuzz
