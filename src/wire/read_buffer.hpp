// SPDX-License-Identifier: Apache-2.0
//
// ReadBuffer: bytes received and not yet understood. Lent by the thread's BufferPool while there
// are any, so an idle connection has no buffer. Grows past the usual size only for a head that
// needs it.
#pragma once

#include "base/check.hpp"
#include "net/stream.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

#include <sys/types.h>

namespace onehop::wire {

class ReadBuffer {
 public:
  explicit ReadBuffer(io::BufferPool& pool) noexcept : pool_(pool) {}
  ReadBuffer(const ReadBuffer&) = delete;
  ReadBuffer& operator=(const ReadBuffer&) = delete;
  ~ReadBuffer() { release(); }

  std::string_view view() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }
  std::size_t size() const noexcept { return end_ - begin_; }

  // The bytes stay where they are until the next fill().
  void consume(std::size_t byte_count) noexcept {
    ONEHOP_DCHECK(byte_count <= size());
    begin_ += byte_count;
  }

  // Reads what the stream has, after what is here; moves it to the front or to more memory where
  // there is no room. The result is try_read's; at most `limit` bytes are kept. It fails with
  // EMSGSIZE if there are more, and with ENOMEM where it would have to grow while memory is short.
  net::IoResult fill(net::Stream& stream, std::size_t limit);
  // Returns the memory, with the bytes that were in it.
  void release() noexcept;

 private:
  // 0, or why there is none, as an errno.
  int make_room(std::size_t limit);
  void give_back() noexcept;

  io::BufferPool& pool_;
  io::BufferPool::Buffer data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace onehop::wire
