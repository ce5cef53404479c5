// SPDX-License-Identifier: Apache-2.0
//
// Reads responses of a name server to a query for a service. An accepted response has hosts and
// ports, and half of a message is malformed or has the same records. Input: the message.

#include "base/check.hpp"
#include "fuzz_one.hpp"
#include "net/srv_records.hpp"

#include <span>
#include <string_view>

namespace onehop::fuzz {

void fuzz_one(std::string_view input) {
  const std::span message(reinterpret_cast<const unsigned char*>(input.data()), input.size());
  const auto found = net::read_srv_records(message);
  if (!found) return;
  ONEHOP_CHECK(found->records.size() <= 1000);
  ONEHOP_CHECK(found->ttl >= io::Duration::zero());
  for (const net::SrvRecord& record : found->records)
    ONEHOP_CHECK(!record.host.empty() && record.port != 0);
  const auto shorter = net::read_srv_records(message.first(message.size() / 2));
  ONEHOP_CHECK(!shorter || shorter->records == found->records);
}

}  // namespace onehop::fuzz
