// SPDX-License-Identifier: Apache-2.0
#include "wire/h1_body_reader.hpp"

#include "base/check.hpp"
#include "base/held_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace onehop::wire {
namespace {

// If more than this is left of a body, it is read into the scratch memory, up to 512 KiB at once.
constexpr std::uint64_t kScratchFrom = io::BufferPool::kSize;

// `max` is the number of bytes of scratch memory that may be used, `expected` the number of bytes
// still to come.
bool uses_scratch(std::size_t max, std::uint64_t expected) noexcept {
  if (max == H1BodyReader::kOwnMemory) return false;
  return (max > kScratchFrom && expected > kScratchFrom) || memory_is_short();
}

}  // namespace

void H1BodyReader::begin(const BodyFraming& framing,
                         const h1::Limits& trailer_limits,
                         ArenaRef arena) {
  framing_ = framing;
  left_ = framing.length;
  received_ = 0;
  failure_.reset();
  at_end_ = !framing.has_content() || framing.kind == BodyFraming::Kind::tunnel;
  if (framing.kind == BodyFraming::Kind::chunked) {
    arena_ = std::move(arena);
    decoder_ = std::make_unique<h1::ChunkedDecoder>(side_, trailer_limits);
    max_buffered_ = trailer_limits.max_header_bytes + io::BufferPool::kSize;
  }
}

Poll<bytes> H1BodyReader::try_read(std::size_t scratch) {
  if (failure_) return failure(*failure_);
  if (at_end_) return bytes();
  return framing_.kind == BodyFraming::Kind::chunked ? read_chunked(scratch) : read_plain(scratch);
}

// For a body whose end is given by Content-Length or by the end of the connection.
Poll<bytes> H1BodyReader::read_plain(std::size_t scratch) {
  const bool known = framing_.kind == BodyFraming::Kind::length;
  if (buffer_.empty()) {
    const std::uint64_t expected = known ? left_ : ~std::uint64_t{0};
    if (uses_scratch(scratch, expected)) {
      const net::IoResult got = read_into_scratch(scratch, expected);
      if (!got.has_bytes()) return failed_read(got);
      return deliver({stream_.reactor().scratch().data(), got.count()});
    }
    const net::IoResult got = buffer_.fill(stream_, io::BufferPool::kSize);
    if (!got.has_bytes()) return failed_read(got);
  }
  bytes piece = buffer_.view();
  if (known && piece.size() > left_) piece = piece.substr(0, static_cast<std::size_t>(left_));
  buffer_.consume(piece.size());
  return deliver(piece);
}

Poll<bytes> H1BodyReader::read_chunked(std::size_t scratch) {
  for (;;) {
    if (!buffer_.empty()) {
      const auto step = decoder_->decode(buffer_.view());
      if (!step) return fail_with(step.error());
      buffer_.consume(step->consumed);
      if (step->finished) {
        trailers_ = decoder_->take_trailers(arena_);
        at_end_ = true;
      }
      if (!step->data.empty()) return deliver(step->data);
      if (at_end_) return bytes();
      if (step->consumed != 0 && !buffer_.empty()) continue;
    } else if (decoder_->data_left() > kScratchFrom &&
               uses_scratch(scratch, decoder_->data_left())) {
      const net::IoResult got = read_into_scratch(scratch, decoder_->data_left());
      if (!got.has_bytes()) return failed_read(got);
      decoder_->skip(got.count());
      return deliver({stream_.reactor().scratch().data(), got.count()});
    }
    // Only a trailer section waits in the buffer until it is complete; the decoder limits its size.
    const net::IoResult got = buffer_.fill(stream_, max_buffered_);
    ONEHOP_DCHECK(got.error() != EMSGSIZE);
    if (!got.has_bytes()) return failed_read(got);
  }
}

net::IoResult H1BodyReader::read_into_scratch(std::size_t max, std::uint64_t expected) {
  buffer_.release();  // it is empty
  const std::span<char> scratch = stream_.reactor().scratch();
  const std::size_t room = std::min(max, scratch.size());
  return stream_.try_read(scratch.data(),
                          static_cast<std::size_t>(std::min<std::uint64_t>(room, expected)));
}

Poll<bytes> H1BodyReader::failed_read(net::IoResult result) {
  if (result.is_wait()) {
    if (buffer_.empty()) buffer_.release();
    return std::nullopt;
  }
  if (result.error() == ENOMEM) return fail_with(Error(Errc::overloaded, Side::local));
  const bool client = side_ == Side::client;
  if (result.is_end()) {
    if (framing_.kind == BodyFraming::Kind::until_close) {
      at_end_ = true;
      return bytes();
    }
    return fail_with(Error(client ? Errc::client_gone : Errc::truncated, side_,
                           "the connection ended inside the body"));
  }
  if (client) return fail_with(Error(Errc::client_gone, side_).with("while reading the body"));
  Error error = stream_.error_of(result.error(), side_).with("while reading the body");
  // Only a TLS stream can distinguish a truncation from the end of the connection.
  if (framing_.kind == BodyFraming::Kind::until_close && error.is(Errc::truncated)) {
    error.with("--ignore-missing-close-notify would accept this as the end of the body");
  }
  return fail_with(std::move(error));
}

Result<bytes> H1BodyReader::deliver(bytes piece) {
  received_ += piece.size();
  if (framing_.kind == BodyFraming::Kind::length) {
    left_ -= piece.size();
    if (left_ == 0) at_end_ = true;
  } else if (received_ > limit_) {
    return fail_with(Error(Errc::body_too_large, side_));
  }
  return piece;
}

void H1BodyReader::fail(Error error) {
  if (!at_end_ && !failure_) failure_ = std::move(error);
}

Result<bytes> H1BodyReader::fail_with(Error error) {
  at_end_ = false;
  failure_ = error;
  return failure(std::move(error));
}

std::optional<std::uint64_t> H1BodyReader::length() const noexcept {
  switch (framing_.kind) {
    case BodyFraming::Kind::none:
    case BodyFraming::Kind::length:
      return framing_.length;
    default:
      return std::nullopt;
  }
}

std::optional<std::uint64_t> H1BodyReader::left() const noexcept {
  if (at_end_) return 0;
  if (framing_.kind == BodyFraming::Kind::length) return left_;
  return std::nullopt;
}

}  // namespace onehop::wire
