// SPDX-License-Identifier: Apache-2.0
//
// TransportAccess gives the floors that choose where a request goes access to a Transport.
// Thread: any.
#pragma once

#include <onehop/transport.hpp>

#include "transport/round_trip.hpp"
#include "transport/shared_pools.hpp"

#include <memory>

namespace onehop::detail {

struct TransportAccess {
  // Returns the pools for transport::round_trip(). They live as long as `transport`.
  static const transport::Pools& pools(const Transport& transport) noexcept;
  // For NamedOrigins.
  static std::shared_ptr<transport::SharedPools> shared(const Transport& transport) noexcept;
  // Returns the options of `transport`.
  static const Transport::Options& options(const Transport& transport) noexcept;
};

}  // namespace onehop::detail
