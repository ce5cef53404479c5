// SPDX-License-Identifier: Apache-2.0
//
// TcpListener is a listening socket (TCP or unix) from which every thread accepts. Its destructor
// removes the file of a unix socket if the file is still this listener's. Processes that make and
// remove socket files in one folder take turns by a lock. Any thread may call accept() and
// put_in_use(). Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include "io/file_descriptor.hpp"
#include "net/address.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include <sys/socket.h>
#include <sys/types.h>

namespace onehop::net {

struct ListenOptions {
  int backlog = SOMAXCONN;    // the kernel caps it at net.core.somaxconn
  bool defer_accept = false;  // accept a connection only once its first bytes have arrived
  bool reuse_address = true;  // connections of an earlier process do not keep the port busy
};

class TcpListener {
 public:
  struct Accepted {
    io::FileDescriptor socket;  // non-blocking, without Nagle's algorithm
    Address peer;
  };

  // Binds and listens. The error has the errno of the failed call; its detail is one line that
  // suggests a remedy.
  static Result<TcpListener> open(const Address& address, ListenOptions options);
  // The remover of a unix socket's file: another process, the process that hands the socket over
  // (until take_socket_file()), or this listener.
  enum class FileOwner : std::uint8_t { other, giver, listener };
  // Listens on a duplicate of a socket that listens already. The socket does not change before
  // put_in_use(). The error says what is wrong with the descriptor.
  static Result<TcpListener> adopt(int descriptor, FileOwner owner = FileOwner::other);

  TcpListener(TcpListener&& other) noexcept = default;
  TcpListener& operator=(TcpListener&& other) noexcept;
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;
  ~TcpListener();

  // Returns the address, with the assigned port if port 0 was requested.
  const Address& address() const noexcept { return address_; }
  // For an event loop: readable if accept() may succeed.
  int descriptor() const noexcept { return socket_.get(); }
  // Leaves the file of a unix socket in place from now on, because another process listens on the
  // same socket. Until this call, no other thread may destroy the listener.
  void leave_socket_file() noexcept { file_owner_ = FileOwner::other; }
  // Makes this listener remove the file of a socket that was handed over (FileOwner::giver). The
  // same rule for threads applies.
  void take_socket_file() noexcept {
    if (file_owner_ == FileOwner::giver) file_owner_ = FileOwner::listener;
  }
  // Makes the socket non-blocking, and sets the options that accepted sockets inherit. Must be
  // called before the first accept(); may be called again. `defers` is ListenOptions::defer_accept
  // for connections that arrive from now on.
  void put_in_use(bool defers) const noexcept;
  // Returns an errno if there is no connection: EAGAIN if none waits, EMFILE or the like if a
  // resource is exhausted, others for a connection that failed in the queue.
  std::expected<Accepted, int> accept() const;
  // Returns the number of connections that wait to be accepted; for a unix socket, the maximum
  // number that may wait.
  std::size_t waiting() const noexcept;

 private:
  TcpListener() = default;
  // Returns 0 or an errno.
  int bind_and_listen(int backlog);
  int bind_and_listen_on_file(int backlog);
  void ask_for_address();
  void remember_socket_file(std::string path) noexcept;
  void remove_socket_file() noexcept;

  io::FileDescriptor socket_;
  Address address_;
  FileOwner file_owner_ = FileOwner::listener;
  // The file of a unix socket, and its identity when it was made or adopted.
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace onehop::net
