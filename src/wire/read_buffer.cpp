// SPDX-License-Identifier: Apache-2.0
#include "wire/read_buffer.hpp"

#include "base/held_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace onehop::wire {

net::IoResult ReadBuffer::fill(net::Stream& stream, std::size_t limit) {
  if (const int error = make_room(limit); error != 0) return net::IoResult::failed(error);
  const net::IoResult got = stream.try_read(data_.get() + end_, capacity_ - end_);
  end_ += got.count();
  return got;
}

int ReadBuffer::make_room(std::size_t limit) {
  if (!data_) {
    data_ = pool_.take();
    capacity_ = io::BufferPool::kSize;
  }
  if (begin_ == end_) {
    begin_ = end_ = 0;
    return 0;
  }
  if (end_ < capacity_) return 0;
  if (begin_ > 0) {
    std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    return 0;
  }
  if (capacity_ >= limit) return EMSGSIZE;
  if (memory_is_short()) return ENOMEM;
  const std::size_t larger = std::min(capacity_ * 2, limit);
  auto memory = std::make_unique_for_overwrite<char[]>(larger);
  std::memcpy(memory.get(), data_.get(), end_);
  give_back();
  data_ = std::move(memory);
  capacity_ = larger;
  count_held(larger);
  return 0;
}

void ReadBuffer::release() noexcept {
  if (data_) give_back();
  data_.reset();
  capacity_ = begin_ = end_ = 0;
}

void ReadBuffer::give_back() noexcept {
  if (capacity_ == io::BufferPool::kSize) {
    pool_.give_back(std::move(data_));
  } else {
    count_released(capacity_);
  }
}

}  // namespace onehop::wire
