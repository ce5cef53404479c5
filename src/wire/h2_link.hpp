// SPDX-License-Identifier: Apache-2.0
//
// H2Link connects an HTTP/2 session to the stream that carries its bytes, for both roles. Its owner
// calls read() in a loop. It gathers the session's output and writes it once, at the end of a pass
// of the reactor, after everything that was ready has run. Thread: owner.
#pragma once

#include "base/root_task.hpp"
#include "http/h2/session.hpp"
#include "net/stream.hpp"
#include "wire/stream_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace onehop::wire {

class H2Link {
 public:
  // Calls `flushed` after each flush at the end of a pass. `flushed` must not destroy the link.
  H2Link(net::Stream& stream,
         h2::Session& session,
         Side peer,
         net::Duration write_stall,
         io::Callback flushed);
  H2Link(const H2Link&) = delete;
  H2Link& operator=(const H2Link&) = delete;
  ~H2Link() { writing_ = {}; }

  enum class Step : std::uint8_t {
    wait,   // nothing has arrived: the caller waits until the stream is readable
    yield,  // more may have arrived, but other tasks must run first
    over,   // the peer closed, the session ended, or writing failed
  };
  // Reads the bytes that have arrived, and delivers their events to the session's streams.
  Step read();
  // Does the same with bytes that were read elsewhere. Returns false if the connection is over.
  bool receive(std::string_view data);

  // Applies from the next wait for the peer to read.
  void set_write_stall(net::Duration write_stall) noexcept { write_stall_ = write_stall; }

  // Flushes at the end of this pass of the reactor.
  void flush_soon() noexcept { stream_.reactor().schedule_last(flush_); }
  // Writes as much as the stream accepts; the rest is written as the peer reads.
  void flush_now();
  // Completes when all output is written, a write fails, or `patience` passes without progress.
  task<void> drain(net::Duration patience);

  // Discards further output of the session.
  void stop_writing() noexcept { broken_ = true; }
  // Aborts the connection and wakes its reader.
  void give_up() noexcept;

  bool is_broken() const noexcept { return broken_; }
  // Reports whether no stream can send until the peer has read. write_stall limits that.
  bool is_blocked() const noexcept { return output_.has_pending(); }
  // Returns 0 if the link is not blocked, else the bytes that the peer has to read. While it is
  // blocked, the number changes only if the peer reads.
  std::size_t unread() const noexcept {
    return is_blocked() ? output_.pending() + stream_.unacknowledged() : 0;
  }
  // Reports whether a read returned the end of the connection or its failure.
  bool has_peer_gone() const noexcept { return peer_gone_; }
  // Returns when the last bytes arrived.
  net::Time last_read() const noexcept { return last_read_; }
  // Returns a list for building a field section. Each call clears it.
  h2::FieldList& field_list() noexcept {
    fields_.clear();
    return fields_;
  }
  io::Reactor& reactor() const noexcept { return stream_.reactor(); }

 private:
  bool produce();
  friend class RootTask<H2Link>;
  RootTask<H2Link> write_rest();
  void on_exception() noexcept { give_up(); }
  void on_flush();

  net::Stream& stream_;
  h2::Session& session_;
  StreamWriter output_;
  net::Duration write_stall_;
  io::Callback flushed_;
  io::Wakeup flush_;
  h2::FieldList fields_;
  net::Time last_read_;
  bool broken_ = false;
  bool peer_gone_ = false;
  bool writing_rest_ = false;
  RootTask<H2Link> writing_;  // declared last: it uses the other members
};

}  // namespace onehop::wire
