// SPDX-License-Identifier: Apache-2.0
#include "base/held_memory.hpp"

#include "base/memory_note.hpp"
#include "base/promised_memory.hpp"
#include "base/returned_memory.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace onehop {
namespace {

// On a line of its own: read for every request, written in steps.
alignas(64) constinit std::atomic<std::ptrdiff_t> g_held = 0;

// Trivially destructible, so that what dies after a thread's other objects finds them.
constinit thread_local std::ptrdiff_t t_unreported = 0;
constinit thread_local std::size_t t_ceiling = kNoMemoryCeiling;
constinit thread_local MemoryNote t_reached = nullptr;
constinit thread_local void* t_context = nullptr;

// Reports what a thread still owes when it ends.
struct LastReport {
  LastReport() noexcept = default;
  LastReport(const LastReport&) = delete;
  LastReport& operator=(const LastReport&) = delete;
  ~LastReport() { report_held_memory(); }
  void arm() const noexcept {}
};
thread_local const LastReport t_last_report;

void report_step() noexcept {
  t_last_report.arm();
  report_held_memory();
}

}  // namespace

void note_held(std::size_t byte_count) noexcept {
  t_unreported += static_cast<std::ptrdiff_t>(byte_count);
  if (t_unreported < kHeldMemoryStep) return;
  report_step();
  if (t_reached && memory_is_short()) t_reached(t_context);
}

void note_let_go(std::size_t byte_count) noexcept {
  note_freed_memory(byte_count);
  t_unreported -= static_cast<std::ptrdiff_t>(byte_count);
  if (t_unreported <= -kHeldMemoryStep) report_step();
}

void report_held_memory() noexcept {
  g_held.fetch_add(std::exchange(t_unreported, 0), std::memory_order_relaxed);
}

std::size_t held_memory() noexcept {
  // One thread may have reported what it let go before another what it took.
  return static_cast<std::size_t>(
      std::max<std::ptrdiff_t>(0, g_held.load(std::memory_order_relaxed)));
}

void set_memory_ceiling(std::size_t byte_count) noexcept {
  t_ceiling = byte_count;
}

std::size_t memory_ceiling() noexcept {
  return t_ceiling;
}

void set_memory_note(MemoryNote reached, void* context) noexcept {
  t_reached = reached;
  t_context = context;
}

bool memory_is_short() noexcept {
  return held_memory() + promised_memory() >= t_ceiling;
}

}  // namespace onehop
