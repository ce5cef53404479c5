// SPDX-License-Identifier: Apache-2.0
//
// The header of the PROXY protocol, versions 1 and 2 (HAProxy's specification): the first bytes of
// a connection, in which a load balancer names the client on whose behalf it connects.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "net/address.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace onehop::net {

struct ProxyHeader {
  // Version 1: the maximum size of the line, in bytes.
  static constexpr std::size_t kMaxLine = 107;
  // Version 2: the size of the part before the addresses, and the maximum size of the addresses and
  // extensions (TLVs) together.
  static constexpr std::size_t kFixedPart = 16;
  static constexpr std::size_t kMaxRest = std::size_t{4} * 1024;
  static constexpr std::size_t kMaxSize = kFixedPart + kMaxRest;

  // The two ends of the client's connection to the balancer. Both are of one family.
  struct Ends {
    Address client;
    Address server;

    friend bool operator==(const Ends&, const Ends&) = default;
  };
  // std::nullopt for LOCAL and UNKNOWN: the balancer connects for itself, or names no client. The
  // client is then the peer of the connection.
  std::optional<Ends> ends;

  friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

// The header at the beginning of a connection, as far as it has arrived.
struct ProxyHeaderBeginning {
  // The size of the whole header, or its minimum while it is not complete. A caller that reads up
  // to this many bytes reads nothing that follows the header.
  std::size_t size = 0;
  // Set once the header is complete.
  std::optional<ProxyHeader> complete;
};

// Parses the first bytes of a connection. Ignores extensions, except for a CRC32c, which must be
// right. Fails with Errc::bad_request as soon as no further bytes can complete a header; the detail
// says why.
Result<ProxyHeaderBeginning> read_proxy_header(std::string_view received);

// Formats a header of version 2 without extensions.
std::string write_proxy_header(const ProxyHeader& header);

}  // namespace onehop::net
