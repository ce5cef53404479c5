// SPDX-License-Identifier: Apache-2.0
//
// round_trip_until() makes a round trip that, with its response's content, ends at a deadline. Only
// requests with a deadline pass through here. Thread: owner.
#pragma once

#include <onehop/round_tripper.hpp>

namespace onehop::transport {

// Clears the deadline of `request` and sends it through `inner`, which must outlive the task.
// Errc::timed_out when the deadline has passed: from the task before the response head, and after
// it from the response's body. A tunnel has no deadline.
task<Result<Response>> round_trip_until(const RoundTripper& inner, Request request);

}  // namespace onehop::transport
