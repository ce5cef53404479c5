// SPDX-License-Identifier: Apache-2.0

#include <onehop/detail/clock.hpp>

#include "io/reactor.hpp"

namespace onehop::detail {

std::chrono::steady_clock::time_point now() noexcept {
  const io::Reactor* const reactor = io::Reactor::current_or_null();
  return reactor ? reactor->now() : std::chrono::steady_clock::now();
}

std::chrono::steady_clock::time_point time_after(std::chrono::nanoseconds duration) noexcept {
  using Time = std::chrono::steady_clock::time_point;
  const Time begin = now();
  return duration < Time::max() - begin ? begin + duration : Time::max();
}

}  // namespace onehop::detail
