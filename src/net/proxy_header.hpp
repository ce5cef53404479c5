// SPDX-License-Identifier: Apache-2.0
//
// The header of the PROXY protocol, versions 1 and 2 (HAProxy's specification): the first bytes of
// a connection, in which a load balancer names the client that it connects for.
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
  // A connection of version 1 has a line of at most this many bytes.
  static constexpr std::size_t kMaxLine = 107;
  // Version 2: before the addresses, and addresses and extensions (TLVs) together.
  static constexpr std::size_t kFixedPart = 16;
  static constexpr std::size_t kMaxRest = std::size_t{4} * 1024;
  static constexpr std::size_t kMaxSize = kFixedPart + kMaxRest;

  // The ends of the client's connection to the balancer, of one family.
  struct Ends {
    Address client;
    Address server;

    friend bool operator==(const Ends&, const Ends&) = default;
  };
  // std::nullopt for LOCAL and UNKNOWN: the balancer connects for itself, or names no client. The
  // connection is then that of its real peer.
  std::optional<Ends> ends;

  friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

// The beginning of a connection, as far as its header goes.
struct ProxyHeaderBeginning {
  // Of the whole header: exactly if it is complete, or else at least. A caller that reads no more
  // than this many bytes reads nothing of what follows the header.
  std::size_t size = 0;
  // Once `size` bytes are there, and no more are needed.
  std::optional<ProxyHeader> complete;
};

// Looks at the first bytes of a connection. Extensions are ignored, except for a CRC32c, which has
// to be right. Errors: Errc::bad_request as soon as no further byte can make a header of it; the
// detail says why.
Result<ProxyHeaderBeginning> read_proxy_header(std::string_view received);

// Returns a header of version 2 without extensions.
std::string write_proxy_header(const ProxyHeader& header);

}  // namespace onehop::net
