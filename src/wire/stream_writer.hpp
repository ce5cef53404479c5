// SPDX-License-Identifier: Apache-2.0
//
// StreamWriter: the sending half of a connection, of any version of HTTP. It writes to a stream,
// keeps what the stream does not take, and waits until that has gone. It owns the writer's place at
// its stream: one drain() at a time waits there, and what is written beside it (write_soon) needs
// no wait of its caller's. Thread: owner.
#pragma once

#include <onehop/task.hpp>

#include "base/held_memory.hpp"
#include "net/stream.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <sys/uio.h>

namespace onehop::wire {

class StreamWriter {
 public:
  // `peer`: the side at the other end; errors of writing carry it. `stream` outlives this.
  StreamWriter(net::Stream& stream, Side peer) noexcept : stream_(stream), peer_(peer) {}
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  // Writes, or keeps what the stream does not take. An error means that the peer is gone.
  Result<void> write(std::span<const iovec> parts);
  Result<void> write(std::string_view data);
  // The same for what nothing waits for, such as an interim response: what does not go out now goes
  // out as the peer reads, or with the next drain(). A failure shows there.
  void write_soon(std::string_view data);
  bool has_pending() const noexcept { return !pending_.empty(); }
  // The number of bytes kept.
  std::size_t pending() const noexcept { return pending_.size() - pending_sent_; }

  // Waits until nothing is pending. Errc::timed_out after `stall` without progress.
  task<Result<void>> drain(net::Duration stall);

 protected:
  net::Stream& stream() const noexcept { return stream_; }

 private:
  Result<void> keep(std::span<const iovec> parts, std::size_t skip);
  // Writes what is pending: bytes taken, or a negative errno.
  net::IoResult push_pending();
  void on_writable();
  Error write_error(int error) const;

  net::Stream& stream_;
  std::unique_ptr<net::Stream::Waiter> writer_;  // of write_soon(), until drain() takes over
  HeldString pending_;
  std::size_t pending_sent_ = 0;
  Side peer_;
};

}  // namespace onehop::wire
