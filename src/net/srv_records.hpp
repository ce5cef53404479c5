// SPDX-License-Identifier: Apache-2.0
//
// Parses a name server's response to a query for a service (RFC 2782).
// Thread: any.
#pragma once

#include "io/timer_wheel.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace onehop::net {

// A server of the service.
struct SrvRecord {
  std::string host;
  std::uint16_t port = 0;
  std::uint16_t priority = 0;  // the lowest is tried first
  std::uint16_t weight = 0;

  friend bool operator==(const SrvRecord&, const SrvRecord&) = default;
};

struct SrvRecords {
  std::vector<SrvRecord> records;  // in the order of the response; at most 1,000
  io::Duration ttl{};              // the shortest TTL of the records
};

// Returns std::nullopt if the message is malformed. Leaves out records with the host ".", which
// means that there is no server (RFC 2782), or with port 0.
std::optional<SrvRecords> read_srv_records(std::span<const unsigned char> message);

}  // namespace onehop::net
