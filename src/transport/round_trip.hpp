// SPDX-License-Identifier: Apache-2.0
//
// round_trip() takes a request to its upstream and returns the response: it leases a connection,
// runs an exchange on it, and tries again if the attempt fails and may be repeated.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/task.hpp>

#include "transport/connection_pool.hpp"
#include "transport/destinations.hpp"

#include <memory>

namespace onehop::transport {

// Finds the pool of a worker for round trips. Thread: any.
class Pools {
 public:
  virtual ConnectionPool& pool(io::Reactor& reactor) const = 0;

 protected:
  ~Pools() = default;
};

// Must be awaited on a worker; elsewhere it fails with Errc::bad_option. The request goes to one of
// `places`, or follows its URL if `places` is null. `pools` must outlive the task. Fails with the
// error of the URL, of dialling (for refusals after Transport::Options::hold) or of the last
// attempt, or with Errc::no_connection_slot after queue_timeout. Thread: owner.
task<Result<Response>> round_trip(const Pools& pools,
                                  Request request,
                                  std::unique_ptr<Destinations> places = nullptr);

}  // namespace onehop::transport
