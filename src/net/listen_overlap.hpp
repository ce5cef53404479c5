// SPDX-License-Identifier: Apache-2.0
//
// Finds listeners of one program that conflict with each other. The kernel would report such a
// conflict as if another process had the port.
// Thread: any.
#pragma once

#include "net/address.hpp"

#include <span>
#include <string>

namespace onehop::net {

struct ListenerName {
  std::string text;  // as configured
  Address address;
};

// Reports whether both addresses name the same socket. Unix sockets are compared by the files that
// their paths lead to. Port 0 never names the same socket twice.
bool is_same_listener(const Address& one, const Address& other);

// Returns "127.0.0.1:80 is given twice", "127.0.0.1:80 is covered by :80" or the like; "" if there
// is no conflict.
std::string why_listeners_overlap(std::span<const ListenerName> listeners);

}  // namespace onehop::net
