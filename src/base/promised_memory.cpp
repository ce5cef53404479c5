// SPDX-License-Identifier: Apache-2.0
#include "base/promised_memory.hpp"

#include "base/at_thread_end.hpp"
#include "base/memory_callback.hpp"

#include <algorithm>
#include <atomic>

namespace onehop {
namespace {

// On its own cache line: it is read for every request but written only in steps.
alignas(64) constinit std::atomic<std::ptrdiff_t> g_promised = 0;

constinit thread_local std::ptrdiff_t t_promised = 0;
constinit thread_local std::ptrdiff_t t_published = 0;

// How far the published figure may exceed the exact one: a thousandth of the ceiling, so that many
// threads together reserve little of it.
std::ptrdiff_t slack() noexcept {
  static constexpr std::size_t kMax = std::size_t{4} << 20;
  static constexpr std::size_t kMin = std::size_t{64} << 10;
  return static_cast<std::ptrdiff_t>(std::clamp(memory_ceiling() / 1024, kMin, kMax));
}

void publish(std::ptrdiff_t promised) noexcept {
  g_promised.fetch_add(promised - std::exchange(t_published, promised), std::memory_order_relaxed);
}

thread_local const AtThreadEnd<&report_promised_memory> t_last_promises;

[[gnu::noinline, gnu::cold]] void publish_with_slack() noexcept {
  t_last_promises.arm();
  publish(t_promised + slack() / 2);
}

}  // namespace

void count_promised(std::size_t size) noexcept {
  t_promised += static_cast<std::ptrdiff_t>(size);
  if (t_promised > t_published) publish_with_slack();
}

void count_redeemed(std::size_t size) noexcept {
  t_promised -= static_cast<std::ptrdiff_t>(size);
  if (t_promised + slack() < t_published) publish_with_slack();
}

std::size_t promised_memory() noexcept {
  // A thread may publish a redemption before another publishes the promise.
  return static_cast<std::size_t>(
      std::max<std::ptrdiff_t>(0, g_promised.load(std::memory_order_relaxed)));
}

void report_promised_memory() noexcept {
  publish(t_promised);
}

}  // namespace onehop
