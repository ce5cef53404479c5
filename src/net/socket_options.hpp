// SPDX-License-Identifier: Apache-2.0
//
// Options of sockets. Errors are ignored.
// Thread: any.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace onehop::net {

inline void set_option(int socket, int level, int name, int value) noexcept {
  ::setsockopt(socket, level, name, &value, sizeof value);
}

// For TCP: sends small writes immediately, and detects a vanished peer: the kernel probes after
// `idle` seconds of silence, then every `interval` seconds, and gives up after three probes.
inline void set_connection_options(int socket, int idle, int interval) noexcept {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, idle);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, interval);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

// Makes the close of the socket a reset, which leaves no TIME_WAIT on its port.
inline void reset_at_close(int socket) noexcept {
  constexpr linger kReset{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
}

}  // namespace onehop::net
