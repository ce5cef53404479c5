// SPDX-License-Identifier: Apache-2.0
//
// answer_framing() decides, for the sender of a response, whether content follows the head and
// which Content-Length the head states (RFC 9110 §6.4.1 and §8.6, RFC 9112 §6.3, RFC 9113 §8.1).
// The result is the same for every version of HTTP; each version marks the end of the content in
// its own way. http/message_framing is the counterpart for received messages.
// Thread: any; constant.
#pragma once

#include <onehop/method.hpp>
#include <onehop/response.hpp>

#include <cstdint>
#include <optional>

namespace onehop {

struct AnswerFraming {
  enum class Content : std::uint8_t {
    none,       // the response ends with its head
    of_length,  // `length` bytes follow
    unbounded,  // content of unknown length follows, perhaps with trailers
  };
  Content content = Content::none;
  // The Content-Length to send: the size of the content that follows or, for HEAD, of the content
  // that a GET would return.
  std::optional<std::uint64_t> length = std::nullopt;
  // True if the content is empty and the message has no Content-Length. A version whose head marks
  // the end of the message may then leave the field out.
  bool is_length_implied = false;
  // True if the Content-Length of the message is sent unchanged: it describes content that is not
  // sent (HEAD, 304).
  bool keeps_content_length = false;

  bool has_content() const noexcept { return content != Content::none; }
  bool may_have_trailers() const noexcept { return content == Content::unbounded; }
};

// Returns the framing of `response` to a request with `method`. Calls Body::length(), and passes on
// an exception that a handler's body throws from it.
AnswerFraming answer_framing(const Method& method, const Response& response);

}  // namespace onehop
