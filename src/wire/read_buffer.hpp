// SPDX-License-Identifier: Apache-2.0
//
// ReadBuffer holds received bytes that have not been parsed. It borrows its memory from the
// thread's BufferPool only while it holds bytes, so an idle connection has no buffer. It grows
// beyond the usual size only for a head or a trailer section that needs it.
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

  // Removes bytes from the front of view(). They stay in place until the next fill().
  void consume(std::size_t byte_count) noexcept {
    ONEHOP_DCHECK(byte_count <= size());
    begin_ += byte_count;
  }

  // Reads from the stream and appends to the bytes held. If there is no room, moves them to the
  // front or to more memory. Returns the result of try_read(), EMSGSIZE if `limit` bytes are held
  // already, or ENOMEM if the buffer would have to grow while memory is short.
  net::IoResult fill(net::Stream& stream, std::size_t limit);
  // Returns the memory to the pool. The bytes in it are lost.
  void release() noexcept;

 private:
  // Returns 0, or an errno if there is no room.
  int make_room(std::size_t limit);
  void give_back() noexcept;

  io::BufferPool& pool_;
  io::BufferPool::Buffer data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace onehop::wire
