// SPDX-License-Identifier: Apache-2.0
//
// The user at the other end of a unix socket, as the kernel knows it (SO_PEERCRED).
// Thread: any.
#pragma once

#include <cstdint>
#include <optional>

namespace onehop::net {

// Returns the effective user id that the process had when it connected; std::nullopt for a
// descriptor that is not a connected unix socket.
std::optional<std::uint32_t> peer_user(int socket) noexcept;

}  // namespace onehop::net
