// SPDX-License-Identifier: Apache-2.0
//
// TcpListener: one listening socket (TCP or unix) that every thread accepts from. Its destructor
// removes the file of a unix socket if the file is still its own. Processes that make and remove
// socket files in one folder do so one at a time. Any thread may call accept() and put_in_use().
// Thread: owner.
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

  // The error has the errno of the failed call; its detail is a single line that suggests a remedy.
  static Result<TcpListener> open(const Address& address, ListenOptions options);
  // Who removes the file of a unix socket: another process, the one that hands the socket over
  // until take_socket_file(), or the listener.
  enum class FileOwner : std::uint8_t { other, giver, listener };
  // Listens with a duplicate of a listening socket that is open already, which does not change
  // before put_in_use(). The error says what is wrong with the descriptor.
  static Result<TcpListener> adopt(int descriptor, FileOwner owner = FileOwner::other);

  TcpListener(TcpListener&& other) noexcept = default;
  TcpListener& operator=(TcpListener&& other) noexcept;
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;
  ~TcpListener();

  // With the assigned port if port 0 was requested.
  const Address& address() const noexcept { return address_; }
  // For an event loop: readable if accept() is worth a call.
  int descriptor() const noexcept { return socket_.get(); }
  // The file of a unix socket stays from now on: another process listens with the same socket.
  // Another thread may destroy the listener after this call only.
  void leave_socket_file() noexcept { file_owner_ = FileOwner::other; }
  // The file of a socket that a giver had is removed by this listener from now on. The same holds.
  void take_socket_file() noexcept {
    if (file_owner_ == FileOwner::giver) file_owner_ = FileOwner::listener;
  }
  // Before the first accept(), or later: makes it non-blocking, and sets what accepted sockets
  // inherit. `defers`: see ListenOptions; for connections that arrive from now on.
  void put_in_use(bool defers) const noexcept;
  // Returns an errno if there is no connection: EAGAIN if none waits, EMFILE and the like if there
  // is no room, others for a connection that failed in the queue.
  std::expected<Accepted, int> accept() const;
  // Returns how many connections wait to be accepted; for a unix socket, how many may wait.
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
  // A unix socket's file, and its identity when it was made or adopted.
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace onehop::net
