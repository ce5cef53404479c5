// SPDX-License-Identifier: Apache-2.0
//
// TcpListener: one listening socket (TCP or unix) that every thread accepts from. It removes the
// file of a unix socket when it dies, if that file is still its own. Processes that make and remove
// socket files in one folder do so one after the other. accept() may be called from any thread;
// everything else belongs to the owner.
#pragma once

#include <onehop/error.hpp>

#include "io/file_descriptor.hpp"
#include "net/address.hpp"

#include <cstddef>
#include <expected>
#include <string>

#include <sys/socket.h>
#include <sys/types.h>

namespace onehop::net {

struct ListenOptions {
  int backlog = SOMAXCONN;    // the kernel caps it at net.core.somaxconn
  bool defer_accept = false;  // a connection is accepted when its first bytes are here
  bool reuse_address = true;  // connections of an earlier process do not keep the port busy
};

class TcpListener {
 public:
  struct Accepted {
    io::FileDescriptor socket;  // non-blocking, without Nagle's delay
    Address peer;
  };

  // The error has the errno of what failed; its detail is one line that says what to do about it.
  static Result<TcpListener> open(const Address& address, ListenOptions options);

  TcpListener(TcpListener&& other) noexcept = default;
  TcpListener& operator=(TcpListener&& other) noexcept;
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;
  ~TcpListener();

  // With the real port where 0 was asked for.
  const Address& address() const noexcept { return address_; }
  // For an event loop to watch: readable when accept() is worth a call.
  int descriptor() const noexcept { return socket_.get(); }
  // An errno when there is no connection: EAGAIN when nobody waits, EMFILE and the like when there
  // is no room for one, others for a connection that died in the queue.
  std::expected<Accepted, int> accept() const;
  // How many connections wait to be accepted; of a unix socket, how many may.
  std::size_t waiting() const noexcept;

 private:
  TcpListener() = default;
  // 0 or an errno.
  int bind_and_listen(int backlog);
  int bind_and_listen_on_file(int backlog);
  void remember_socket_file();
  void remove_socket_file() noexcept;

  io::FileDescriptor socket_;
  Address address_;
  // A unix socket's file and which file that was when it was made.
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace onehop::net
