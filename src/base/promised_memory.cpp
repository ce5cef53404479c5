// SPDX-License-Identifier: Apache-2.0
#include "base/promised_memory.hpp"

#include "base/memory_note.hpp"

#include <algorithm>
#include <atomic>

namespace onehop {
namespace {

// On a line of its own: read for every request, written in steps.
alignas(64) constinit std::atomic<std::ptrdiff_t> g_promised = 0;

constinit thread_local std::ptrdiff_t t_promised = 0;
constinit thread_local std::ptrdiff_t t_told = 0;

// How far the published figure may exceed the real one: a thousandth of the ceiling, so that many
// threads do not keep much of it.
std::ptrdiff_t slack() noexcept {
  static constexpr std::size_t kMax = std::size_t{4} << 20;
  static constexpr std::size_t kMin = std::size_t{64} << 10;
  return static_cast<std::ptrdiff_t>(std::clamp(memory_ceiling() / 1024, kMin, kMax));
}

void tell(std::ptrdiff_t promised) noexcept {
  g_promised.fetch_add(promised - std::exchange(t_told, promised), std::memory_order_relaxed);
}

// Reports what a thread still owes when it ends.
struct LastReport {
  LastReport() noexcept = default;
  LastReport(const LastReport&) = delete;
  LastReport& operator=(const LastReport&) = delete;
  ~LastReport() { report_promised_memory(); }
  void arm() const noexcept {}
};
thread_local const LastReport t_last_report;

[[gnu::noinline, gnu::cold]] void tell_with_room() noexcept {
  t_last_report.arm();
  tell(t_promised + slack() / 2);
}

}  // namespace

void note_promised(std::size_t size) noexcept {
  t_promised += static_cast<std::ptrdiff_t>(size);
  if (t_promised > t_told) tell_with_room();
}

void note_redeemed(std::size_t size) noexcept {
  t_promised -= static_cast<std::ptrdiff_t>(size);
  if (t_promised + slack() < t_told) tell_with_room();
}

std::size_t promised_memory() noexcept {
  // One thread may have told what it redeemed before another what it promised.
  return static_cast<std::size_t>(
      std::max<std::ptrdiff_t>(0, g_promised.load(std::memory_order_relaxed)));
}

void report_promised_memory() noexcept {
  tell(t_promised);
}

}  // namespace onehop
