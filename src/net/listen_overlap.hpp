// SPDX-License-Identifier: Apache-2.0
//
// Whether several listeners of one program get into each other's way, which the kernel reports as
// if another process had the port. Pure; any thread.
#pragma once

#include "net/address.hpp"

#include <span>
#include <string>

namespace onehop::net {

struct ListenerName {
  std::string text;  // as it was given
  Address address;
};

// "127.0.0.1:80 is given twice", "127.0.0.1:80 is covered by :80"; "" if all can be opened.
std::string why_listeners_overlap(std::span<const ListenerName> listeners);

}  // namespace onehop::net
