// SPDX-License-Identifier: Apache-2.0
#include "net/listen_overlap.hpp"

#include <netinet/in.h>

namespace onehop::net {
namespace {

// Whether a listener on `a` takes what a listener on `b`, of the same port, would.
bool covers(const Address& a, const Address& b) {
  const std::string ip = a.ip();
  if (ip == "::") return true;
  if (ip == "0.0.0.0") return b.family() == AF_INET || b.ip().find(':') == std::string::npos;
  return ip == b.ip();
}

std::string describe(const ListenerName& one, const ListenerName& other) {
  if (one.text == other.text) return one.text + " is given twice";
  return one.text + " and " + other.text + " are the same address";
}

std::string overlap_of(const ListenerName& one, const ListenerName& other) {
  if (one.address == other.address && (one.address.is_unix() || one.address.port() != 0)) {
    return describe(one, other);
  }
  if (one.address.is_unix() || other.address.is_unix()) return {};
  if (one.address.port() != other.address.port() || one.address.port() == 0) return {};
  const bool first = covers(one.address, other.address);
  const bool second = covers(other.address, one.address);
  if (first && second) return describe(one, other);
  if (first) return other.text + " is covered by " + one.text;
  if (second) return one.text + " is covered by " + other.text;
  return {};
}

}  // namespace

std::string why_listeners_overlap(std::span<const ListenerName> listeners) {
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    for (std::size_t j = i + 1; j < listeners.size(); ++j) {
      std::string why = overlap_of(listeners[i], listeners[j]);
      if (!why.empty()) return why;
    }
  }
  return {};
}

}  // namespace onehop::net
