// SPDX-License-Identifier: Apache-2.0
#include "net/peer_user.hpp"

#include <sys/socket.h>

namespace onehop::net {

std::optional<std::uint32_t> peer_user(int socket) noexcept {
  int family = AF_UNSPEC;
  socklen_t size = sizeof family;
  if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0 || family != AF_UNIX)
    return std::nullopt;  // for other sockets the kernel returns the user id -1
  ucred peer{};
  size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

}  // namespace onehop::net
