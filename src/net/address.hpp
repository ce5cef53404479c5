// SPDX-License-Identifier: Apache-2.0
//
// Address is an IPv4, IPv6 or unix socket address.
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

// Parses a port: a number from 0 to 65535 in decimal digits. Returns std::nullopt if `text` is not
// one.
std::optional<std::uint16_t> parse_port(std::string_view text) noexcept;

class Address {
 public:
  Address() noexcept = default;
  Address(const sockaddr* address, socklen_t size) noexcept;

  // Makes an address from an IP literal (IPv6 with or without brackets, no zone) and a port.
  // Returns std::nullopt if `ip` is not an IP literal.
  static std::optional<Address> from_ip(std::string_view ip, std::uint16_t port);
  // Returns Errc::bad_option if the path is too long for sockaddr_un (107 bytes).
  static Result<Address> from_socket_path(std::string_view path);
  // Parses a listen address: "127.0.0.1:80", ":80" (all addresses: IPv6 and IPv4 in one socket if
  // the machine has IPv6, else IPv4), "80", "localhost:80", "[::1]:0" or "unix:PATH". "http://" or
  // "https://" may precede all but the last. The error's detail explains the fault and the syntax.
  static Result<Address> parse_listen(std::string_view text);

  int family() const noexcept { return storage_.ss_family; }
  bool is_unix() const noexcept { return family() == AF_UNIX; }
  const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const noexcept { return size_; }
  std::uint16_t port() const noexcept;
  void set_port(std::uint16_t port) noexcept;

  // Returns a key that identifies a client: the IPv4 address, or the first 64 bits of an IPv6
  // address, because a host can vary the rest. Returns 0 for a unix address.
  std::uint64_t client_key() const noexcept;

  // Returns "127.0.0.1:80", "[::1]:80" or "unix:/run/app.sock".
  std::string to_string() const;
  // Writes the IP address without port and brackets at `out`: at most 46 bytes. Writes an IPv4
  // address mapped into IPv6 as IPv4, and nothing for a unix address. Returns the end. Does not
  // allocate.
  char* write_ip(char* out) const noexcept;
  std::string ip() const;

  friend bool operator==(const Address& a, const Address& b) noexcept;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// Reports whether a text for parse_listen() asks for TLS. Without a scheme, returns `by_default`,
// or false for a unix socket.
bool listens_with_tls(std::string_view text, bool by_default) noexcept;

}  // namespace onehop::net
