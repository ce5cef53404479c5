// SPDX-License-Identifier: Apache-2.0
//
// The user at the other end of a unix socket, according to the kernel (SO_PEERCRED).
// Thread: any.
#pragma once

#include <cstdint>
#include <optional>

namespace onehop::net {

// Returns the effective user id of the peer's process when it connected, or std::nullopt if
// `socket` is not a connected unix socket.
std::optional<std::uint32_t> peer_user(int socket) noexcept;

}  // namespace onehop::net
