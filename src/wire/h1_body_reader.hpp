// SPDX-License-Identifier: Apache-2.0
//
// H1BodyReader reads the content of one HTTP/1 message in pieces, without waiting: first the bytes
// in a read buffer, then those of the stream. The server reads request bodies with it, the
// transport response bodies. The stream and the buffer must outlive it. Thread: owner.
#pragma once

#include <onehop/body.hpp>

#include "base/arena.hpp"
#include "base/poll.hpp"
#include "http/h1/chunked_decoder.hpp"
#include "http/h1/limits.hpp"
#include "http/message_framing.hpp"
#include "net/stream.hpp"
#include "wire/read_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace onehop::wire {

class H1BodyReader {
 public:
  // `side` is the sender of the message; errors carry it.
  H1BodyReader(net::Stream& stream, ReadBuffer& buffer, Side side) noexcept
      : stream_(stream), buffer_(buffer), side_(side) {}
  H1BodyReader(const H1BodyReader&) = delete;
  H1BodyReader& operator=(const H1BodyReader&) = delete;

  // `trailer_limits` and `arena` are for the trailers.
  void begin(const BodyFraming& framing, const h1::Limits& trailer_limits, ArenaRef arena);
  // Fails with Errc::body_too_large after more bytes than this. A body with a Content-Length is not
  // checked: the caller has compared the field.
  void set_limit(std::uint64_t byte_count) noexcept { limit_ = byte_count; }

  // As `scratch`: every piece lies in the read buffer and is valid until the next call.
  static constexpr std::size_t kOwnMemory = 0;
  // Returns the next piece, an empty one at the end, or std::nullopt if the caller must first await
  // stream.readable(). After an error, every call returns that error. Large pieces, of up to
  // `scratch` bytes, lie in the thread's scratch memory and are valid until the caller suspends.
  Poll<bytes> try_read(std::size_t scratch);
  // Makes try_read() fail with `error`, unless the end was reached or it has failed already.
  void fail(Error error);

  bool at_end() const noexcept { return at_end_; }
  bool has_failed() const noexcept { return failure_.has_value(); }
  std::optional<std::uint64_t> length() const noexcept;
  std::uint64_t received() const noexcept { return received_; }
  // Returns the number of bytes still to come, if it is known.
  std::optional<std::uint64_t> left() const noexcept;
  const Headers& trailers() const noexcept { return trailers_; }

 private:
  Poll<bytes> read_plain(std::size_t scratch);
  Poll<bytes> read_chunked(std::size_t scratch);
  Poll<bytes> failed_read(net::IoResult result);
  net::IoResult read_into_scratch(std::size_t max, std::uint64_t expected);
  Result<bytes> deliver(bytes piece);
  Result<bytes> fail_with(Error error);

  net::Stream& stream_;
  ReadBuffer& buffer_;
  std::unique_ptr<h1::ChunkedDecoder> decoder_;
  ArenaRef arena_;
  Headers trailers_;
  std::optional<Error> failure_;
  BodyFraming framing_;
  std::uint64_t left_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t limit_ = ~std::uint64_t{0};
  std::size_t max_buffered_ = 0;  // more than the decoder accepts as a trailer section
  Side side_;
  bool at_end_ = true;
};

}  // namespace onehop::wire
