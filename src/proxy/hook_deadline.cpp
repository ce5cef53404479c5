// SPDX-License-Identifier: Apache-2.0

#include "proxy/hook_deadline.hpp"

#include <onehop/detail/clock.hpp>
#include <onehop/scope.hpp>

#include <utility>

namespace onehop {

using detail::HookOutcome;

task<HookOutcome> until_deadline(Time deadline, task<HookOutcome> work) {
  if (deadline == Time::max()) co_return co_await std::move(work);
  const Time now = detail::now();
  HookOutcome outcome = failure(Errc::timed_out, Side::local);
  if (now < deadline) {
    const std::chrono::nanoseconds left = deadline - now;
    outcome = co_await with_timeout(left, std::move(work));
  }
  if (outcome || !outcome.error().is(Errc::timed_out) || detail::now() < deadline) {
    co_return outcome;
  }
  co_return failure(Errc::timed_out, Side::local, "the deadline of the request passed in a hook");
}

}  // namespace onehop
