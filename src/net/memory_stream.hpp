// SPDX-License-Identifier: Apache-2.0
//
// MemoryStream is a Stream without a kernel, for tests: two ends joined by two bounded buffers. It
// behaves like a TCP connection, with back-pressure, half-close, and a reset by abort() or by
// unread bytes at destruction. Both ends belong to the thread of one reactor and may be destroyed
// in either order.
// Thread: owner.
#pragma once

#include "net/stream.hpp"

#include <cstddef>
#include <limits>
#include <memory>
#include <utility>

namespace onehop::net {

class MemoryStream final : public Stream {
 public:
  ~MemoryStream() override;

  using Stream::try_write;
  IoResult try_read(char* data, std::size_t size) override;
  IoResult try_write(const iovec* parts, int count) override;
  void close_write() noexcept override;
  // As with TCP, the peer notices at destruction: its writes fail with EPIPE, and its reads with
  // ECONNRESET once it has read the data sent before.
  void abort() noexcept override { aborted_ = true; }
  bool has_unread() override { return is_readable(); }

  // Limits the bytes that one read or write moves, to force short ones.
  void set_max_read(std::size_t size) noexcept { max_read_ = size; }
  void set_max_write(std::size_t size) noexcept { max_write_ = size; }

 protected:
  bool is_readable() const noexcept override;
  bool is_writable() const noexcept override;

 private:
  struct Pipe;
  friend std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> make_memory_pair(
      io::Reactor& reactor, std::size_t capacity);

  MemoryStream(io::Reactor& reactor, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out) noexcept;

  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  std::size_t max_read_ = std::numeric_limits<std::size_t>::max();
  std::size_t max_write_ = std::numeric_limits<std::size_t>::max();
  bool aborted_ = false;
};

// `capacity` is the maximum number of unread bytes in each direction.
std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> make_memory_pair(
    io::Reactor& reactor, std::size_t capacity = std::size_t{64} * 1024);

}  // namespace onehop::net
