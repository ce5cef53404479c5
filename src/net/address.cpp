// SPDX-License-Identifier: Apache-2.0
#include "net/address.hpp"

#include "base/ip_address.hpp"
#include "io/file_descriptor.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace onehop::net {
namespace {

constexpr std::size_t kLongestIp = INET6_ADDRSTRLEN - 1;
constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::string_view kHowToWrite =
    "write :8080, 127.0.0.1:8080, [::1]:8080 or unix:/path/to/socket";

const sockaddr_in& v4_of(const Address& address) noexcept {
  return *reinterpret_cast<const sockaddr_in*>(address.data());
}

const sockaddr_in6& v6_of(const Address& address) noexcept {
  return *reinterpret_cast<const sockaddr_in6*>(address.data());
}

// Returns the path of a unix address, with a leading NUL in Linux's abstract namespace. Returns ""
// if the address is unnamed.
std::string_view path_of(const Address& address) noexcept {
  constexpr std::size_t kOffset = offsetof(sockaddr_un, sun_path);
  if (address.size() <= kOffset) return {};
  const auto* path = reinterpret_cast<const sockaddr_un*>(address.data())->sun_path;
  const std::size_t size = address.size() - kOffset;
  if (path[0] == '\0') return {path, size};
  return {path, ::strnlen(path, size)};
}

char* write_v4(const unsigned char* data, char* out) noexcept {
  for (int i = 0; i < 4; ++i) {
    if (i != 0) *out++ = '.';
    out = std::to_chars(out, out + 3, data[i]).ptr;
  }
  return out;
}

bool has_ipv6() noexcept {
  return static_cast<bool>(io::FileDescriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)));
}

Address every_address(std::uint16_t port) noexcept {
  return *Address::from_ip(has_ipv6() ? "::" : "0.0.0.0", port);
}

std::unexpected<Error> refuse_listener(std::string_view text, std::string_view why) {
  std::string detail = "cannot listen on '";
  detail.append(text).append("': ").append(why).append("; ").append(kHowToWrite);
  return failure(Errc::bad_option, Side::local, std::move(detail));
}

}  // namespace

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

Address::Address(const sockaddr* address, socklen_t size) noexcept
    : size_(std::min<socklen_t>(size, sizeof storage_)) {
  std::memcpy(&storage_, address, size_);
}

std::optional<Address> Address::from_ip(std::string_view ip, std::uint16_t port) {
  const bool has_brackets = ip.size() > 2 && ip.front() == '[' && ip.back() == ']';
  if (has_brackets) ip = ip.substr(1, ip.size() - 2);
  const std::optional<IpLiteral> literal = parse_ip_literal(ip);
  if (!literal || (has_brackets && literal->is_v4)) return std::nullopt;
  if (literal->is_v4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, literal->bytes.data(), sizeof v4.sin_addr);
    return Address(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, literal->bytes.data(), sizeof v6.sin6_addr);
  return Address(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
}

Result<Address> Address::from_socket_path(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) {
    return failure(Errc::bad_option, Side::local,
                   "the path of a unix socket is missing or has a NUL");
  }
  if (path.size() > kLongestPath) {
    std::string detail = "the path of a unix socket may have at most ";
    detail.append(std::to_string(kLongestPath)).append(" bytes, this has ");
    detail.append(std::to_string(path.size())).append(": ").append(path);
    return failure(Errc::bad_option, Side::local, std::move(detail));
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return Address(reinterpret_cast<const sockaddr*>(&address), size);
}

Result<Address> Address::parse_listen(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("unix:")) {
    rest.remove_prefix(5);
    if (rest.starts_with("//")) rest.remove_prefix(2);
    return from_socket_path(rest);
  }
  const bool is_https = rest.starts_with("https://");
  const bool is_url = is_https || rest.starts_with("http://");
  if (is_url) {
    rest.remove_prefix(is_https ? 8 : 7);
    if (rest.ends_with('/')) rest.remove_suffix(1);
  }
  if (rest.empty()) return refuse_listener(text, "the address is missing");
  if (const auto port = parse_port(rest)) return every_address(*port);

  std::string_view host = rest;
  std::optional<std::uint16_t> port;
  const auto colon = rest.rfind(':');
  const bool colon_in_brackets = rest.ends_with(']');
  if (colon != std::string_view::npos && !colon_in_brackets) {
    host = rest.substr(0, colon);
    port = parse_port(rest.substr(colon + 1));
    if (!port) return refuse_listener(text, "the port is not a number from 0 to 65535");
  } else if (is_url) {
    port = is_https ? 443 : 80;
  } else {
    return refuse_listener(text, "the port is missing");
  }
  if (host.empty() || host == "*") return every_address(*port);
  if (host == "localhost") host = "127.0.0.1";
  if (host.find(':') != std::string_view::npos && host.front() != '[') {
    return refuse_listener(text, "an IPv6 address needs brackets");
  }
  if (host.find('%') != std::string_view::npos) {
    return refuse_listener(text, "listening on an address with a zone is not supported");
  }
  if (auto address = from_ip(host, *port)) return *address;
  return refuse_listener(text, "the host is neither an IP address nor localhost");
}

bool listens_with_tls(std::string_view text, bool by_default) noexcept {
  if (text.starts_with("https://")) return true;
  return by_default && !text.starts_with("http://") && !text.starts_with("unix:");
}

std::uint16_t Address::port() const noexcept {
  if (family() == AF_INET) return ntohs(v4_of(*this).sin_port);
  if (family() == AF_INET6) return ntohs(v6_of(*this).sin6_port);
  return 0;
}

void Address::set_port(std::uint16_t port) noexcept {
  if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(&storage_)->sin_port = htons(port);
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(&storage_)->sin6_port = htons(port);
}

std::uint64_t Address::client_key() const noexcept {
  // Marks an IPv4 address. It is within 0::/8, which no host uses.
  constexpr std::uint64_t kIpv4 = std::uint64_t{1} << 32U;
  if (family() == AF_INET) return kIpv4 | v4_of(*this).sin_addr.s_addr;
  if (family() != AF_INET6) return 0;
  const in6_addr& v6 = v6_of(*this).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return kIpv4 | v6.s6_addr32[3];
  std::uint64_t network = 0;
  for (int i = 0; i < 8; ++i)
    network = network << 8U | v6.s6_addr[i];
  return network;
}

std::string Address::to_string() const {
  std::string text;
  if (is_unix()) {
    text = "unix:";
    std::string_view path = path_of(*this);
    if (!path.empty() && path.front() == '\0') {
      text += '@';
      path.remove_prefix(1);
    }
    return text.append(path);
  }
  const std::string host = ip();
  if (host.find(':') != std::string::npos) {
    text.append("[").append(host).append("]");
  } else {
    text = host;
  }
  return text.append(":").append(std::to_string(port()));
}

char* Address::write_ip(char* out) const noexcept {
  if (family() == AF_INET) {
    return write_v4(reinterpret_cast<const unsigned char*>(&v4_of(*this).sin_addr), out);
  }
  if (family() != AF_INET6) return out;
  const in6_addr& v6 = v6_of(*this).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return write_v4(v6.s6_addr + 12, out);
  ::inet_ntop(AF_INET6, &v6, out, kLongestIp + 1);
  return out + std::strlen(out);
}

std::string Address::ip() const {
  char text[kLongestIp + 1];
  return {text, write_ip(text)};
}

bool operator==(const Address& a, const Address& b) noexcept {
  if (a.family() != b.family()) return false;
  switch (a.family()) {
    case AF_INET:
      return v4_of(a).sin_port == v4_of(b).sin_port &&
             v4_of(a).sin_addr.s_addr == v4_of(b).sin_addr.s_addr;
    case AF_INET6:
      return v6_of(a).sin6_port == v6_of(b).sin6_port &&
             v6_of(a).sin6_scope_id == v6_of(b).sin6_scope_id &&
             std::memcmp(&v6_of(a).sin6_addr, &v6_of(b).sin6_addr, sizeof(in6_addr)) == 0;
    default:
      return path_of(a) == path_of(b);
  }
}

}  // namespace onehop::net
