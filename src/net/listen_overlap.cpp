// SPDX-License-Identifier: Apache-2.0
#include "net/listen_overlap.hpp"

#include <filesystem>
#include <system_error>

#include <netinet/in.h>

namespace onehop::net {
namespace {

// Reports whether a listener on `a` receives the connections of one on `b` with the same port.
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

// Returns the canonical path of the file: without ".." and links, as far as it exists.
std::filesystem::path file_of(const Address& address) {
  const std::filesystem::path path = address.to_string().substr(std::string_view("unix:").size());
  std::error_code failed;
  std::filesystem::path whole = std::filesystem::absolute(path, failed);
  if (!failed) whole = std::filesystem::weakly_canonical(whole, failed);
  return failed ? path.lexically_normal() : whole;
}

std::string overlap_of(const ListenerName& one, const ListenerName& other) {
  if (is_same_listener(one.address, other.address)) return describe(one, other);
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

bool is_same_listener(const Address& one, const Address& other) {
  if (one.is_unix() && other.is_unix()) return file_of(one) == file_of(other);
  return one == other && one.port() != 0;
}

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
