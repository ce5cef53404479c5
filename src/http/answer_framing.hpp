// SPDX-License-Identifier: Apache-2.0
//
// answer_framing() decides what the head of a response says of its content, from the sender's side
// (RFC 9110 §6.4.1 and §8.6, RFC 9112 §6.3, RFC 9113 §8.1). It is the same for every version of
// HTTP; how the end of the content is marked is each version's own. Its counterpart for received
// messages is http/message_framing. Thread: any; constant.
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
    unbounded,  // content follows, perhaps with trailers; only its end shows its length
  };
  Content content = Content::none;
  // The Content-Length to send: of the content that follows or, for HEAD, would follow a GET.
  std::optional<std::uint64_t> length = std::nullopt;
  // `length` is 0 and the message does not state it: a version that marks the end of the message in
  // its head may leave the field out.
  bool is_length_implied = false;
  // The Content-Length of the message goes out as it is, for content that is not sent (HEAD, 304).
  bool keeps_content_length = false;

  bool has_content() const noexcept { return content != Content::none; }
  bool may_have_trailers() const noexcept { return content == Content::unbounded; }
};

// `method` is the request's. Asks the body for its length: an exception of a body that the handler
// wrote passes through.
AnswerFraming answer_framing(const Method& method, const Response& response);

}  // namespace onehop
