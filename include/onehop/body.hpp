// SPDX-License-Identifier: Apache-2.0
//
// Body: a handle to a stream of bytes that is pulled piece by piece; nothing is buffered behind
// it. Dropping a Body that was not read to its end gives the message up: HTTP/1 closes the
// connection (or drains a little), HTTP/2 resets the stream. One thread at a time.
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

// A run of bytes; not necessarily text.
using bytes = std::string_view;

class PolledBodySource;  // what connections offer to each other; internal

// Where a body comes from. Implement it to generate content; most code never needs to.
class BodySource {
 public:
  BodySource() = default;
  BodySource(const BodySource&) = delete;
  BodySource& operator=(const BodySource&) = delete;
  virtual ~BodySource() = default;

  // The next piece; an empty one is the end. Valid until the next read() or the source's death.
  // Not called again after the end or an error. An error aborts the message at the receiver, so
  // that it can never look complete.
  virtual task<Result<bytes>> read() = 0;
  // The number of bytes from the start to the end, when known before reading. read() must then
  // deliver exactly that many.
  virtual std::optional<std::uint64_t> length() const { return std::nullopt; }
  // Complete once read() has returned the end; empty before.
  virtual const Headers& trailers() const;

  virtual PolledBodySource* polled() noexcept { return nullptr; }
};

class Body {
 public:
  Body() noexcept = default;  // no content; length 0
  static Body of(std::string text);
  static Body from(std::unique_ptr<BodySource> source);

  // False when there is certainly nothing to read.
  bool is_empty() const noexcept { return source_ == nullptr; }
  // Bytes in all; 0 for an empty body, nothing when only the end will tell.
  std::optional<std::uint64_t> length() const;
  task<Result<bytes>> read();
  // The rest of the body as one text; Errc::limit_exceeded past `limit` bytes.
  task<Result<std::string>> read_all(std::size_t limit);
  const Headers& trailers() const;

  BodySource* source() const noexcept { return source_.get(); }
  std::unique_ptr<BodySource> take_source() noexcept { return std::move(source_); }

 private:
  std::unique_ptr<BodySource> source_;
};

}  // namespace onehop
