// SPDX-License-Identifier: Apache-2.0
//
// ConnectionLifetime limits the age of a connection and the number of requests it may carry. A
// connection that has reached a limit is replaced by a new one, which resolves the upstream's name
// again and so may reach a machine that was added since. A value. Thread: any.
#pragma once

#include <onehop/transport.hpp>

#include "net/stream.hpp"

#include <cstdint>
#include <limits>

namespace onehop::transport {

class ConnectionLifetime {
 public:
  // `number` counts connections. The allowed age of each connection is reduced by up to 10 %,
  // spread evenly over them, so that connections opened together do not expire together.
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
