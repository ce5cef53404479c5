// SPDX-License-Identifier: Apache-2.0
//
// Address: an IPv4, IPv6 or unix socket address.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>

namespace onehop::net {

// Returns a number from 0 to 65535, in decimal digits.
std::optional<std::uint16_t> parse_port(std::string_view text) noexcept;

class Address {
 public:
  Address() noexcept = default;
  Address(const sockaddr* address, socklen_t size) noexcept;

  // Makes an address of an IP literal (IPv6 with or without brackets, no zone) and a port.
  static std::optional<Address> from_ip(std::string_view ip, std::uint16_t port);
  // Returns Errc::bad_option if the path is too long for sockaddr_un (107 bytes).
  static Result<Address> from_socket_path(std::string_view path);
  // Parses a listen address: "127.0.0.1:80", ":80" (all addresses: IPv6 and IPv4 in one socket if
  // the machine has IPv6, else IPv4), "80", "localhost:80", "[::1]:0", "unix:PATH", each with an
  // optional "http://" or "https://" prefix. The error's detail explains the fault and the syntax.
  static Result<Address> parse_listen(std::string_view text);

  int family() const noexcept { return storage_.ss_family; }
  bool is_unix() const noexcept { return family() == AF_UNIX; }
  const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const noexcept { return size_; }
  std::uint16_t port() const noexcept;
  void set_port(std::uint16_t port) noexcept;

  // Returns the key that distinguishes clients: the IPv4 address, or the first 64 bits of an IPv6
  // address, because a host can vary the rest. 0 for unix.
  std::uint64_t client_key() const noexcept;

  // "127.0.0.1:80", "[::1]:80", "unix:/run/app.sock"
  std::string to_string() const;
  // Writes the IP without port and brackets; an IPv4 address mapped into IPv6 is written as IPv4, a
  // unix address as "". Writes at most 46 bytes at `out` and returns the end. Does not allocate.
  char* write_ip(char* out) const noexcept;
  std::string ip() const;

  friend bool operator==(const Address& a, const Address& b) noexcept;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// Reports whether a text for parse_listen() asks for TLS; `by_default` if it has no scheme.
bool listens_with_tls(std::string_view text, bool by_default) noexcept;

}  // namespace onehop::net
