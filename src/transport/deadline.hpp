// SPDX-License-Identifier: Apache-2.0
//
// round_trip_until() makes a round trip that ends at the request's deadline, including the
// response's content. Only requests with a deadline use it. Thread: owner.
#pragma once

#include <onehop/round_tripper.hpp>

namespace onehop::transport {

// Clears the deadline of `request` and sends it through `inner`, which must outlive the task. If
// the deadline passes, the result is Errc::timed_out: from the task before the response head, from
// the response's body after it. A tunnel has no deadline.
task<Result<Response>> round_trip_until(const RoundTripper& inner, Request request);

}  // namespace onehop::transport
