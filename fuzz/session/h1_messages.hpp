// SPDX-License-Identifier: Apache-2.0
//
// Splits the bytes that a peer received into HTTP/1 messages, as a strict receiver does.
// Thread: owner.
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
    nothing,    // there are no bytes
    in_head,    // the bytes end inside the head
    in_body,    // the bytes end inside the content
    complete,   // the message ends as its framing says
    connection  // the content ends with the connection
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

// Removes and returns the message at the front of `data`. A malformed message is left there, and
// marked.
H1Message take_request(std::string_view& data);
// Returns the next response to a request with that method, after every 1xx except 101.
H1Message take_response(std::string_view& data, const Method& asked);

}  // namespace onehop::fuzz
