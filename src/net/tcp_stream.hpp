// SPDX-License-Identifier: Apache-2.0
//
// TcpStream is a connected stream socket (TCP or unix). It is registered with epoll once,
// edge-triggered, when it first has to wait; if the kernel refuses that, the connection fails.
// After a short read, no read is tried until an event arrives.
// Thread: owner.
#pragma once

#include "base/held_memory.hpp"
#include "io/file_descriptor.hpp"
#include "net/stream.hpp"

namespace onehop::net {

class TcpStream final : public Stream, public Lasting, private io::Watcher {
 public:
  enum class Role : std::uint8_t {
    accepted,   // bytes may have arrived already
    connected,  // the peer speaks second
  };
  // `socket` must be non-blocking.
  TcpStream(io::Reactor& reactor, io::FileDescriptor socket, Role role) noexcept;
  ~TcpStream() override;

  using Stream::try_write;
  IoResult try_read(char* data, std::size_t size) override;
  IoResult try_write(const iovec* parts, int count) override;
  void close_write() noexcept override;
  void abort() noexcept override;
  int plain_descriptor() const noexcept override { return socket_.get(); }
  bool has_unread() override;
  bool has_unread_now() override;
  void hint_more_input() noexcept override { readable_ = true; }
  std::size_t unacknowledged() const noexcept override;
  Error error_of(int errno_value, Side side) const override;

  io::FileDescriptor release() noexcept override;

 protected:
  void prepare_wait() noexcept override { add_to_reactor(); }
  void prepare_hangup_watch() noexcept override;
  bool is_readable() const noexcept override { return readable_; }
  bool is_writable() const noexcept override { return writable_; }
  void on_extra_deadline() noexcept override;

 private:
  void on_events(std::uint32_t events) noexcept override;
  void add_to_reactor() noexcept;
  void leave_reactor() noexcept;

  io::FileDescriptor socket_;
  bool readable_;
  bool writable_ = true;
  bool registered_ = false;
  int unwatched_ = 0;  // the errno with which the kernel refused to watch it
};

}  // namespace onehop::net
