// SPDX-License-Identifier: Apache-2.0
//
// H2Link: joins an HTTP/2 session with the stream its bytes travel on, for both roles. Reads step
// by step in its owner's loop; gathers what is to be sent and writes it once, when everything that
// was ready in this pass of the reactor has run. Thread: owner.
#pragma once

#include "base/root_task.hpp"
#include "http/h2/session.hpp"
#include "net/stream.hpp"
#include "wire/stream_writer.hpp"

#include <cstdint>
#include <string_view>

namespace onehop::wire {

class H2Link {
 public:
  // `flushed` is called after each flush at the end of a pass. It may not destroy the link.
  H2Link(net::Stream& stream,
         h2::Session& session,
         Side peer,
         net::Duration write_stall,
         io::Callback flushed);
  H2Link(const H2Link&) = delete;
  H2Link& operator=(const H2Link&) = delete;
  ~H2Link() { writing_ = {}; }

  enum class Step : std::uint8_t {
    wait,   // nothing is here: wait until the stream is readable
    yield,  // there is more, and other tasks want the thread too
    over,   // the peer has closed, or the session, or nothing can be written any more
  };
  // Reads what has arrived, and delivers the events to the session's streams.
  Step read();
  // The same for bytes that came another way. Returns false if the connection is over.
  bool receive(std::string_view data);

  // From the next wait for the peer to read on.
  void set_write_stall(net::Duration write_stall) noexcept { write_stall_ = write_stall; }

  // At the end of this pass.
  void flush_soon() noexcept { stream_.reactor().schedule_last(flush_); }
  // As much as goes.
  void flush_now();
  // Returns when everything is out, or after `patience` without progress.
  task<void> drain(net::Duration patience);

  // Writes no more of what the session produces.
  void stop_writing() noexcept { broken_ = true; }
  // Ends the connection in both directions, and wakes its reader.
  void give_up() noexcept;

  bool is_broken() const noexcept { return broken_; }
  // The peer has ended the connection, or it has failed.
  bool has_peer_gone() const noexcept { return peer_gone_; }
  // When the last bytes came.
  net::Time last_read() const noexcept { return last_read_; }
  // An empty list, for lines that are being put together.
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
  RootTask<H2Link> writing_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::wire
