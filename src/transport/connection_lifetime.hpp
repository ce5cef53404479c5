// SPDX-License-Identifier: Apache-2.0
//
// ConnectionLifetime: when a connection that works is given up for a new one all the same, which
// asks for the upstream's addresses afresh and may reach a machine that was not there before. By
// age and by requests carried. A value; any thread.
#pragma once

#include <onehop/transport.hpp>

#include "net/stream.hpp"

#include <cstdint>
#include <limits>

namespace onehop::transport {

class ConnectionLifetime {
 public:
  // `number`: of the connection among those made. Each has up to a tenth less than the allowed age,
  // spread evenly over them, so that what was opened together does not go together.
  ConnectionLifetime(const Transport::Options& options,
                     net::Time now,
                     std::uint64_t number) noexcept;

  bool is_over(net::Time now, std::uint64_t requests) const noexcept {
    return requests >= max_requests_ || now >= ends_at_;
  }
  net::Time ends_at() const noexcept { return ends_at_; }

 private:
  net::Time ends_at_;
  std::uint64_t max_requests_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace onehop::transport
