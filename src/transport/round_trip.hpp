// SPDX-License-Identifier: Apache-2.0
//
// round_trip(): the way of a request to its upstream and back: a lease of a connection, an exchange
// on it, its response; and again, if the attempt has failed and may be repeated.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/task.hpp>

#include "transport/connection_pool.hpp"
#include "transport/destinations.hpp"

#include <memory>

namespace onehop::transport {

// Where round trips find the pool of their worker. Thread: any.
class Pools {
 public:
  virtual ConnectionPool& pool(io::Reactor& reactor) const = 0;

 protected:
  ~Pools() = default;
};

// Runs on the worker that awaits it; elsewhere it fails with Errc::bad_option. The request goes to
// one of `places`, or where its URL says if that is null. `pools` outlives it.
// Errors: those of the URL, of dialling (refusals after Transport::Options::hold), and of the last
// attempt; Errc::no_connection_slot after queue_timeout. Thread: owner.
task<Result<Response>> round_trip(const Pools& pools,
                                  Request request,
                                  std::unique_ptr<Destinations> places = nullptr);

}  // namespace onehop::transport
