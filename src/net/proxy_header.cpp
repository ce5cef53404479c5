// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.hpp"

#include "base/ip_address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

#include <netinet/in.h>

namespace onehop::net {
namespace {

using Beginning = Result<ProxyHeaderBeginning>;
using Ends = ProxyHeader::Ends;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kLine = "PROXY ";
constexpr std::string_view kUnknown = "PROXY UNKNOWN";
constexpr std::size_t kShortestLine = kUnknown.size() + 2;

std::unexpected<Error> refuse_header(std::string why) {
  return failure(Errc::bad_request, Side::client, "PROXY header: " + std::move(why));
}

Beginning needs(std::size_t size) {
  ProxyHeaderBeginning beginning;
  beginning.size = size;
  return beginning;
}

Beginning complete(std::size_t size, std::optional<Ends> ends) {
  ProxyHeaderBeginning beginning;
  beginning.size = size;
  beginning.complete.emplace(ProxyHeader{std::move(ends)});
  return beginning;
}

std::uint8_t byte_at(std::string_view data, std::size_t place) {
  return static_cast<std::uint8_t>(data[place]);
}

std::uint16_t number_at(std::string_view data, std::size_t place) {
  return static_cast<std::uint16_t>(byte_at(data, place) << 8U | byte_at(data, place + 1));
}

// --- version 1 ---------------------------------------------------------------------------------

enum class LineFamily : std::uint8_t { unknown, tcp4, tcp6 };

constexpr std::string_view kTcp4 = "PROXY TCP4 ";
constexpr std::string_view kTcp6 = "PROXY TCP6 ";
constexpr std::size_t kFieldsBegin = kTcp4.size();
static_assert(kFieldsBegin == kTcp6.size());
constexpr std::size_t kFields = 4;

std::optional<LineFamily> family_of(std::string_view line) {
  if (line.starts_with(kUnknown)) return LineFamily::unknown;
  if (line.starts_with(kTcp4)) return LineFamily::tcp4;
  if (line.starts_with(kTcp6)) return LineFamily::tcp6;
  return std::nullopt;
}

// Reports whether more bytes can complete the name of a family.
bool may_get_family(std::string_view line) {
  return kUnknown.starts_with(line) || kTcp4.starts_with(line) || kTcp6.starts_with(line);
}

// Returns the minimum number of bytes missing from an incomplete line, which has no CR yet.
std::size_t missing_of(std::string_view line, LineFamily family) {
  constexpr std::size_t kEnd = 2;
  if (family == LineFamily::unknown) return kEnd;
  const std::string_view fields = line.substr(kFieldsBegin);
  const auto spaces = static_cast<std::size_t>(std::ranges::count(fields, ' '));
  const auto shortest = [family](std::size_t field) -> std::size_t {
    const std::size_t address = family == LineFamily::tcp4 ? 7 : 2;  // "1.1.1.1", "::"
    return field < 2 ? address : 1;
  };
  std::size_t missing = kEnd;
  if (spaces < kFields && (fields.empty() || fields.back() == ' ')) missing += shortest(spaces);
  for (std::size_t field = spaces + 1; field < kFields; ++field)
    missing += 1 + shortest(field);
  return missing;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool has_zero_before = text.size() > 1 && text.front() == '0';
  if (error != std::errc() || end != text.data() + text.size() || has_zero_before)
    return std::nullopt;
  return port;
}

std::optional<Address> address_of(std::string_view ip, std::string_view port, LineFamily family) {
  const auto literal = parse_ip_literal(ip);
  const auto number = port_of(port);
  if (!literal || !number || literal->is_v4 != (family == LineFamily::tcp4)) return std::nullopt;
  return Address::from_ip(ip, *number);
}

// `line` is without its CRLF.
Beginning read_fields(std::string_view line, LineFamily family) {
  const std::size_t size = line.size() + 2;
  if (family == LineFamily::unknown) {
    const std::string_view ignored = line.substr(kUnknown.size());
    if (ignored.empty() || ignored.front() == ' ') return complete(size, std::nullopt);
    return refuse_header("its family is neither TCP4, TCP6 nor UNKNOWN");
  }
  std::array<std::string_view, kFields> fields;
  std::string_view rest = line.substr(kFieldsBegin);
  for (std::size_t i = 0; i + 1 < kFields; ++i) {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos)
      return refuse_header("it has fewer than two addresses and ports");
    fields[i] = rest.substr(0, space);
    rest.remove_prefix(space + 1);
  }
  fields.back() = rest;
  const auto client = address_of(fields[0], fields[2], family);
  if (!client) return refuse_header("the address or port of the client is not valid");
  const auto server = address_of(fields[1], fields[3], family);
  if (!server) return refuse_header("the address or port of the destination is not valid");
  return complete(size, Ends{*client, *server});
}

Beginning read_line(std::string_view received) {
  const std::size_t cr = received.find('\r');
  if (cr == std::string_view::npos && received.find('\n') != std::string_view::npos)
    return refuse_header("its line ends without a CR");
  if (cr != std::string_view::npos && cr + 1 < received.size() && received[cr + 1] != '\n')
    return refuse_header("a CR is not the end of its line");
  if (cr != std::string_view::npos && received.substr(0, cr).find('\n') != std::string_view::npos)
    return refuse_header("its line ends without a CR");
  const std::string_view line = received.substr(0, cr);
  const auto family = family_of(line);
  if (!family && (cr != std::string_view::npos || !may_get_family(line)))
    return refuse_header("its family is neither TCP4, TCP6 nor UNKNOWN");
  std::size_t size = kShortestLine;
  if (cr != std::string_view::npos) {
    size = cr + 2;
  } else if (family) {
    size = std::max(size, line.size() + missing_of(line, *family));
  }
  if (size > ProxyHeader::kMaxLine) return refuse_header("its line has more than 107 bytes");
  if (cr == std::string_view::npos || received.size() < size) return needs(size);
  return read_fields(line, *family);
}

// --- version 2 ---------------------------------------------------------------------------------

constexpr std::size_t kPath = 108;
constexpr std::uint8_t kCrc32c = 0x03;  // the type of an extension
constexpr std::size_t kTypeAndLength = 3;

enum Command : std::uint8_t { local = 0x20, proxied = 0x21 };  // version 2 and the command
enum Family : std::uint8_t {
  unspecified = 0x00,
  tcp4 = 0x11,
  udp4 = 0x12,
  tcp6 = 0x21,
  udp6 = 0x22,
  unix_stream = 0x31,
  unix_datagram = 0x32
};

std::optional<std::size_t> size_of_addresses(std::uint8_t family) {
  switch (family) {
    case unspecified:
      return 0;
    case tcp4:
    case udp4:
      return 2 * (4 + 2);
    case tcp6:
    case udp6:
      return 2 * (16 + 2);
    case unix_stream:
    case unix_datagram:
      return 2 * kPath;
    default:
      return std::nullopt;
  }
}

Address v4_of(std::string_view ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  std::memcpy(&address.sin_addr, ip.data(), sizeof address.sin_addr);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

Address v6_of(std::string_view ip, std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  std::memcpy(&address.sin6_addr, ip.data(), sizeof address.sin6_addr);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

// A path ends at its first NUL. A name of the abstract namespace begins with a NUL, and ends where
// only NULs follow.
Address unix_of(std::string_view path) {
  const bool is_abstract = path.front() == '\0';
  const std::size_t last = path.find_last_not_of('\0');
  const std::size_t size = is_abstract ? last + 1 : std::min(path.find('\0'), path.size());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), size);
  return {reinterpret_cast<const sockaddr*>(&address),
          static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size)};
}

std::optional<Ends> ends_of(std::uint8_t family, std::string_view rest) {
  switch (family) {
    case tcp4:
    case udp4:
      return Ends{v4_of(rest, number_at(rest, 8)), v4_of(rest.substr(4), number_at(rest, 10))};
    case tcp6:
    case udp6:
      return Ends{v6_of(rest, number_at(rest, 32)), v6_of(rest.substr(16), number_at(rest, 34))};
    case unix_stream:
    case unix_datagram:
      return Ends{unix_of(rest.substr(0, kPath)), unix_of(rest.substr(kPath, kPath))};
    default:
      return std::nullopt;
  }
}

// CRC-32C with Castagnoli's polynomial (RFC 3720 §12.1), reflected. A header has at most one sum,
// so a table would not pay.
class Crc32c {
 public:
  void add(std::uint8_t byte) noexcept {
    sum_ ^= byte;
    for (int i = 0; i < 8; ++i)
      sum_ = (sum_ >> 1U) ^ (kPolynomial & (0U - (sum_ & 1U)));
  }
  std::uint32_t value() const noexcept { return ~sum_; }

 private:
  static constexpr std::uint32_t kPolynomial = 0x82f63b78;
  std::uint32_t sum_ = 0xffffffff;
};

// Reports whether the sum at `place` is right. It covers the whole header, with zeros in its own
// place.
bool is_sum_right(std::string_view header, std::size_t place) {
  constexpr std::size_t kSum = 4;
  Crc32c sum;
  for (std::size_t i = 0; i < header.size(); ++i)
    sum.add(i >= place && i < place + kSum ? std::uint8_t{0} : byte_at(header, i));
  const auto stated =
      static_cast<std::uint32_t>(number_at(header, place)) << 16U | number_at(header, place + 2);
  return sum.value() == stated;
}

// Checks the extensions, which begin at `place`. Returns why they are wrong, or "".
std::string_view why_extensions_are_wrong(std::string_view header, std::size_t place) {
  std::optional<std::size_t> sum;
  while (place < header.size()) {
    if (header.size() - place < kTypeAndLength) return "an extension is cut short";
    const std::uint8_t type = byte_at(header, place);
    const std::size_t length = number_at(header, place + 1);
    place += kTypeAndLength;
    if (header.size() - place < length) return "an extension is longer than the header";
    if (type == kCrc32c) {
      if (length != 4 || sum) return "its CRC32c is repeated or is not 4 bytes long";
      sum = place;
    }
    place += length;
  }
  return !sum || is_sum_right(header, *sum) ? "" : "its CRC32c is wrong";
}

Beginning read_binary(std::string_view received) {
  constexpr std::size_t kCommand = 12;
  constexpr std::size_t kFamily = 13;
  constexpr std::size_t kLength = 14;
  if (received.size() <= kCommand) return needs(ProxyHeader::kFixedPart);
  const std::uint8_t command = byte_at(received, kCommand);
  if (command != local && command != proxied)
    return refuse_header("its version is not 2, or its command neither LOCAL nor PROXY");
  if (received.size() < ProxyHeader::kFixedPart) return needs(ProxyHeader::kFixedPart);
  const std::size_t length = number_at(received, kLength);
  if (length > ProxyHeader::kMaxRest)
    return refuse_header("its addresses and extensions have more than 4096 bytes");
  const std::size_t size = ProxyHeader::kFixedPart + length;
  const std::uint8_t family = byte_at(received, kFamily);
  const auto addresses = size_of_addresses(family);
  // If the command is LOCAL, everything after it is ignored, the family included.
  if (command == proxied && !addresses)
    return refuse_header("its family or its transport is unknown");
  if (command == proxied && length < *addresses)
    return refuse_header("it is shorter than the addresses of its family");
  if (received.size() < size) return needs(size);
  if (command == local) return complete(size, std::nullopt);
  const std::string_view header = received.substr(0, size);
  const auto wrong = why_extensions_are_wrong(header, ProxyHeader::kFixedPart + *addresses);
  if (!wrong.empty()) return refuse_header(std::string(wrong));
  return complete(size, ends_of(family, header.substr(ProxyHeader::kFixedPart)));
}

// --- writing -----------------------------------------------------------------------------------

void append_number(std::string& out, std::size_t number) {
  out += static_cast<char>(number >> 8U);
  out += static_cast<char>(number & 0xffU);
}

void append_ip(std::string& out, const Address& address) {
  if (address.family() == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(address.data());
    out.append(reinterpret_cast<const char*>(&v4.sin_addr), sizeof v4.sin_addr);
  } else {
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(address.data());
    out.append(reinterpret_cast<const char*>(&v6.sin6_addr), sizeof v6.sin6_addr);
  }
}

void append_path(std::string& out, const Address& address) {
  constexpr std::size_t kOffset = offsetof(sockaddr_un, sun_path);
  const std::size_t size = address.size() > kOffset ? address.size() - kOffset : 0;
  const auto& path = reinterpret_cast<const sockaddr_un*>(address.data())->sun_path;
  const std::size_t used = std::min(size, kPath);
  out.append(path, used).append(kPath - used, '\0');
}

Family family_of(const Ends& ends) {
  if (ends.client.is_unix()) return unix_stream;
  return ends.client.family() == AF_INET ? tcp4 : tcp6;
}

}  // namespace

Beginning read_proxy_header(std::string_view received) {
  const auto may_begin_with = [&](std::string_view text) {
    const std::size_t both = std::min(received.size(), text.size());
    return received.substr(0, both) == text.substr(0, both);
  };
  if (received.empty()) return needs(kShortestLine);
  if (may_begin_with(kLine)) return read_line(received);
  if (may_begin_with(kSignature)) return read_binary(received);
  return refuse_header("the connection begins with something else");
}

std::string write_proxy_header(const ProxyHeader& header) {
  std::string out(kSignature);
  out += static_cast<char>(header.ends ? proxied : local);
  const Family family = header.ends ? family_of(*header.ends) : unspecified;
  out += static_cast<char>(family);
  append_number(out, *size_of_addresses(family));
  if (!header.ends) return out;
  const auto& [client, server] = *header.ends;
  if (client.is_unix()) {
    append_path(out, client);
    append_path(out, server);
    return out;
  }
  append_ip(out, client);
  append_ip(out, server);
  append_number(out, client.port());
  append_number(out, server.port());
  return out;
}

}  // namespace onehop::net
