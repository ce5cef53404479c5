// SPDX-License-Identifier: Apache-2.0
//
// StreamWriter is the sending half of a connection, for any version of HTTP. It writes to a stream,
// keeps the bytes that the stream does not accept, and waits until they are written. It owns the
// writer's place at the stream: one drain() at a time waits there, and the caller of write_soon()
// need not wait. Thread: owner.
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
  // `peer` is the side at the other end; write errors carry it. `stream` must outlive the writer.
  StreamWriter(net::Stream& stream, Side peer) noexcept : stream_(stream), peer_(peer) {}
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  // Writes the data, and keeps the part that the stream does not accept. An error means that the
  // peer is gone, or with Errc::overloaded, that there was no memory for that part. It is lost
  // then: the stream is aborted, and every later write() and drain() fails.
  Result<void> write(std::span<const iovec> parts);
  Result<void> write(std::string_view data);
  // Does the same for data that no caller waits for, such as an interim response. The part that is
  // kept is written as the peer reads, or by the next drain(). A later write() or drain() reports a
  // failure.
  void write_soon(std::string_view data);
  bool has_pending() const noexcept { return !pending_.empty(); }
  // Returns the number of bytes kept.
  std::size_t pending() const noexcept { return pending_.size() - pending_sent_; }

  // Completes when no bytes are pending. Fails with Errc::timed_out after `stall` without progress.
  task<Result<void>> drain(net::Duration stall);

 protected:
  net::Stream& stream() const noexcept { return stream_; }

 private:
  Result<void> keep(std::span<const iovec> parts, std::size_t skip);
  // Returns the error of a writer that has lost bytes.
  Error lost_error() const;
  // Writes pending bytes. Returns the result of try_write().
  net::IoResult push_pending();
  void on_writable();
  Error write_error(int error) const;

  net::Stream& stream_;
  std::unique_ptr<net::Stream::Waiter> writer_;  // for write_soon(), until drain() takes over
  HeldString pending_;
  std::size_t pending_sent_ = 0;
  Side peer_;
  bool has_lost_ = false;  // bytes are missing, so none may follow
};

}  // namespace onehop::wire
