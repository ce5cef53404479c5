// SPDX-License-Identifier: Apache-2.0
//
// What the head of a response says of its content, from the sender's side: the same for every
// version of HTTP (RFC 9110 §6.4.1 and §8.6). How the content is framed is each version's own.
#pragma once

#include <onehop/method.hpp>
#include <onehop/response.hpp>

#include <cstdint>
#include <optional>

namespace onehop {

struct SentContent {
  bool is_there = false;  // content follows the head
  // The number of bytes, of content that follows or, for HEAD, would follow GET. std::nullopt if
  // only the end will tell, or if there is nothing to say.
  std::optional<std::uint64_t> length = std::nullopt;
  // A Content-Length that the response came with goes out as it is: it speaks of content that is
  // not there (HEAD and 304).
  bool keeps_received_length = false;
};

// Asks the body for its length: what a body of the handler's own throws comes through.
SentContent content_to_send(const Method& method, const Response& response);

}  // namespace onehop
