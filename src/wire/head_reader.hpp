// SPDX-License-Identifier: Apache-2.0
//
// Reads the head of one HTTP/1 message from a stream into a buffer and through a parser. Both roles
// use it. Nothing is consumed: after success the head is the first parser.size() bytes of the
// buffer.
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
  Side side;          // whose message it is
  std::size_t limit;  // bytes the buffer may grow to
};

// Reads a head without waiting; std::nullopt if more bytes are needed. Errors: what the parser
// found, Errc::closed for the end of the stream, Errc::overloaded where a head needs more memory
// than a buffer usually has while that is short, an errno.
Poll<void> try_read_head(const HeadInput& source);

// The same, waiting; also Errc::timed_out at `deadline` and Errc::cancelled when the stream's
// reader is interrupted. While memory is short no request's head is waited for that has begun: it
// would keep its buffer (Errc::overloaded). `source` and what it refers to outlive the task.
task<Result<void>> read_head(const HeadInput& source, net::Time deadline);

}  // namespace onehop::wire
