// SPDX-License-Identifier: Apache-2.0
//
// Reads the head of one HTTP/1 message from a stream into a buffer, and parses it. Both roles use
// it. It consumes nothing: after success, the head is the first parser.size() bytes of the buffer.
#pragma once

#include <onehop/error.hpp>
#include <onehop/task.hpp>

#include "base/poll.hpp"
#include "http/h1/parser.hpp"
#include "net/stream.hpp"
#include "wire/read_buffer.hpp"

namespace onehop::wire {

struct HeadInput {
  HeadInput(net::Stream& s, ReadBuffer& b, h1::HeadParser& p, Side p_side, std::size_t max) noexcept
      : stream(s), buffer(b), parser(p), side(p_side), limit(max) {}

  net::Stream& stream;
  ReadBuffer& buffer;
  h1::HeadParser& parser;
  Side side;          // the sender of the message
  std::size_t limit;  // the maximum size of the buffer, in bytes
};

// Reads a head without waiting. Returns std::nullopt if more bytes are needed. Errors: those of the
// parser; Errc::closed at the end of the stream; Errc::head_too_large or
// Errc::response_head_too_large if the head does not fit into `limit`; Errc::overloaded if the head
// needs more than a buffer's usual size while memory is short; an errno.
Poll<void> try_read_head(const HeadInput& source);

// Reads a head and waits for it. Fails also with Errc::timed_out at `deadline`, and with
// Errc::cancelled if the stream's reader is interrupted. While memory is short, it does not wait
// for the rest of a request's head, which would keep its buffer, but fails with Errc::overloaded.
// `source` and the objects in it must outlive the task.
task<Result<void>> read_head(const HeadInput& source, net::Time deadline);

}  // namespace onehop::wire
