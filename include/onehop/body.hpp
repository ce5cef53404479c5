// SPDX-License-Identifier: Apache-2.0
//
// Body is a handle to a stream of bytes that is read piece by piece, without buffering. Dropping a
// Body that was not read to its end abandons the message: HTTP/1 closes the connection (or, if
// little is left, reads the rest and keeps the connection), HTTP/2 resets the stream.
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
class PolledBodySource;  // internal
struct MessageAccess;    // access for the server and the transport; internal
}  // namespace detail

// BodySource produces the content of a body. Implement it to generate content.
class BodySource {
 public:
  BodySource() = default;
  BodySource(const BodySource&) = delete;
  BodySource& operator=(const BodySource&) = delete;
  virtual ~BodySource() = default;

  // Returns the next piece, or an empty piece at the end. The piece is valid until the next read()
  // or until the source is destroyed. read() is not called again after the end or an error. An
  // error aborts the message, so that its receiver cannot take it for complete.
  virtual task<Result<bytes>> read() = 0;
  // Returns the size of the whole body in bytes, if it is known before reading. read() must then
  // return exactly that many bytes.
  virtual std::optional<std::uint64_t> length() const { return std::nullopt; }
  // Returns the trailer fields. They are empty until read() has returned the end.
  virtual const Headers& trailers() const;

 private:
  friend struct detail::MessageAccess;
  virtual detail::PolledBodySource* polled() noexcept { return nullptr; }
  // Reports whether this source of a response still sends content of the request, which would be
  // lost if the source were destroyed.
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

  // Returns a body with `text` as its content. If `text` is "", the body has no content.
  static Body of(std::string text);
  // Returns a body that reads its content from `source`. If `source` is null, there is no content.
  static Body from(std::unique_ptr<BodySource> source);

  // Reports whether there is no content.
  bool is_empty() const noexcept { return source_ == nullptr; }
  // Returns the size of the whole body in bytes; std::nullopt if it is not known before the end.
  std::optional<std::uint64_t> length() const;
  // See BodySource::read().
  task<Result<bytes>> read();
  // Reads and returns the rest of the body. Returns Errc::limit_exceeded if it has more than
  // `limit` bytes.
  task<Result<std::string>> read_all(std::size_t limit);
  // See BodySource::trailers().
  const Headers& trailers() const;

 private:
  friend struct detail::MessageAccess;

  std::unique_ptr<BodySource> source_;
};

}  // namespace onehop
