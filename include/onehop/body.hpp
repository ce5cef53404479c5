// SPDX-License-Identifier: Apache-2.0
//
// Body is a handle to a stream of bytes that is read piece by piece, without buffering. Dropping a
// Body that was not read to its end abandons the message: HTTP/1 closes the connection (or drains a
// small rest), HTTP/2 resets the stream.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/headers.hpp>
#include <onehop/task.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace onehop {

// A sequence of bytes, not necessarily text.
using bytes = std::string_view;

namespace detail {
class PolledBodySource;  // of a connection; internal
struct MessageAccess;    // what the server and the transport see of messages; internal
}  // namespace detail

// The source of a body. Implement it to generate content.
class BodySource {
 public:
  BodySource() = default;
  BodySource(const BodySource&) = delete;
  BodySource& operator=(const BodySource&) = delete;
  virtual ~BodySource() = default;

  // Returns the next piece, or an empty one at the end. It is valid until the next read() or the
  // destruction of the source. read() is not called again after the end or an error. An error
  // aborts the message, so that it never looks complete to its receiver.
  virtual task<Result<bytes>> read() = 0;
  // Returns the size of the whole body in bytes, if it is known before reading. read() must then
  // deliver exactly that many.
  virtual std::optional<std::uint64_t> length() const { return std::nullopt; }
  // Valid once read() has returned the end; empty before.
  virtual const Headers& trailers() const;

 private:
  friend struct detail::MessageAccess;
  virtual detail::PolledBodySource* polled() noexcept { return nullptr; }
  // The source of a response: content of its request is still on its way through it, and is lost if
  // it is destroyed.
  virtual bool passes_content_on() const noexcept { return false; }
};

class Body {
 public:
  Body() noexcept = default;  // no content; length 0
  Body(Body&&) noexcept = default;
  Body& operator=(Body&&) noexcept = default;
  Body(const Body&) = delete;  // it can be read once
  Body& operator=(const Body&) = delete;
  ~Body() = default;

  // Returns a body with this content and its length. "" is a body without content.
  static Body of(std::string text);
  // Returns a body that `source` generates. If it is null, there is no content.
  static Body from(std::unique_ptr<BodySource> source);

  // True if there is no content.
  bool is_empty() const noexcept { return source_ == nullptr; }
  // The size of the whole body in bytes; std::nullopt if it is not known before the end.
  std::optional<std::uint64_t> length() const;
  // See BodySource::read().
  task<Result<bytes>> read();
  // Reads the rest of the body. Errc::limit_exceeded if it has more than `limit` bytes.
  task<Result<std::string>> read_all(std::size_t limit);
  // See BodySource::trailers().
  const Headers& trailers() const;

 private:
  friend struct detail::MessageAccess;

  std::unique_ptr<BodySource> source_;
};

}  // namespace onehop
