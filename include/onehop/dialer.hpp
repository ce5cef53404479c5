// SPDX-License-Identifier: Apache-2.0
//
// Dialer makes the connections of a Transport. Implement it to connect through a proxy or a tunnel,
// to a fixed address, or inside a test. The Transport does the rest: TLS for https:// URLs, HTTP,
// and pooling.
#pragma once

#include <onehop/error.hpp>
#include <onehop/task.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace onehop {

namespace net {
struct Dialled;  // internal
}

// DialTarget is the destination that a URL names.
struct DialTarget {
  // For a host and a port, or for the path of a unix socket.
  DialTarget(std::string h, std::uint16_t p) : host(std::move(h)), port(p) {}
  explicit DialTarget(std::string path) : socket_path(std::move(path)) {}

  std::string host;         // a name or an IP address, without brackets; "" for a unix: URL
  std::uint16_t port = 0;   // of the URL, or the default of its scheme
  std::string socket_path;  // for a unix: URL
};

// DialledConnection is a connection that a Dialer has made. It is move-only and belongs to the
// worker that made it.
class DialledConnection {
 public:
  // Takes ownership of `socket`, a connected stream socket (TCP, unix or one end of a socketpair),
  // and makes it non-blocking. `address` names the connection in logs and in
  // ExchangeRecord::upstream. Throws std::invalid_argument if `socket` is negative.
  DialledConnection(int socket, std::string address);
  explicit DialledConnection(std::unique_ptr<net::Dialled> dialled) noexcept;  // internal
  DialledConnection(DialledConnection&&) noexcept;
  DialledConnection& operator=(DialledConnection&&) noexcept;
  ~DialledConnection();

  std::unique_ptr<net::Dialled> release() noexcept;  // internal

 private:
  std::unique_ptr<net::Dialled> dialled_;
};

class Dialer {
 public:
  Dialer() = default;
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;
  virtual ~Dialer() = default;

  // Connects to `target`, which is valid until the task ends. All workers may call dial() at the
  // same time. The Transport destroys the task after connect_timeout. An Error with Side::upstream
  // becomes a 502, or a 504 if it is Errc::timed_out; an exception becomes a 502. Use offload() for
  // calls that block, such as connect() to another machine.
  virtual task<Result<DialledConnection>> dial(const DialTarget& target) const = 0;
};

}  // namespace onehop
