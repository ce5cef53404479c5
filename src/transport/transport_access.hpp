// SPDX-License-Identifier: Apache-2.0
//
// TransportAccess: a Transport, as the floors above see it that choose where a request goes.
// Thread: any.
#pragma once

#include <onehop/transport.hpp>

#include "transport/round_trip.hpp"
#include "transport/shared_pools.hpp"

#include <memory>

namespace onehop::detail {

struct TransportAccess {
  // For transport::round_trip(). It lives as long as `transport`.
  static const transport::Pools& pools(const Transport& transport) noexcept;
  // For NamedOrigins.
  static std::shared_ptr<transport::SharedPools> shared(const Transport& transport) noexcept;
  // The options that it was made from.
  static const Transport::Options& options(const Transport& transport) noexcept;
};

}  // namespace onehop::detail
