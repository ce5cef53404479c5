// SPDX-License-Identifier: Apache-2.0
#include "base/held_memory.hpp"

#include "base/at_thread_end.hpp"
#include "base/memory_callback.hpp"
#include "base/promised_memory.hpp"
#include "base/returned_memory.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace onehop {
namespace {

// On its own cache line: it is read for every request but written only in steps.
alignas(64) constinit std::atomic<std::ptrdiff_t> g_held = 0;

// Trivially destructible: objects destroyed after the thread's other objects still use them.
constinit thread_local std::ptrdiff_t t_unreported = 0;
constinit thread_local std::size_t t_ceiling = kNoMemoryCeiling;
constinit thread_local MemoryCallback t_reached = nullptr;
constinit thread_local void* t_context = nullptr;

thread_local const AtThreadEnd<&report_held_memory> t_last_report;

void report_step() noexcept {
  t_last_report.arm();
  report_held_memory();
}

}  // namespace

void count_held(std::size_t size) noexcept {
  t_unreported += static_cast<std::ptrdiff_t>(size);
  if (t_unreported < kHeldMemoryStep) return;
  report_step();
  if (t_reached && memory_is_short()) t_reached(t_context);
}

void count_released(std::size_t size) noexcept {
  count_freed_memory(size);
  t_unreported -= static_cast<std::ptrdiff_t>(size);
  if (t_unreported <= -kHeldMemoryStep) report_step();
}

void report_held_memory() noexcept {
  g_held.fetch_add(std::exchange(t_unreported, 0), std::memory_order_relaxed);
}

std::size_t held_memory() noexcept {
  // A thread's release may be published before another thread's allocation.
  return static_cast<std::size_t>(
      std::max<std::ptrdiff_t>(0, g_held.load(std::memory_order_relaxed)));
}

void set_memory_ceiling(std::size_t size) noexcept {
  t_ceiling = size;
}

std::size_t memory_ceiling() noexcept {
  return t_ceiling;
}

void set_memory_callback(MemoryCallback reached, void* context) noexcept {
  t_reached = reached;
  t_context = context;
}

bool memory_is_short() noexcept {
  return held_memory() + promised_memory() >= t_ceiling;
}

void* Lasting::allocate(std::size_t size) {
  void* const memory = ::operator new(size);
  count_held(size);
  count_taken_memory(size);
  return memory;
}

void Lasting::free(void* memory, std::size_t size) noexcept {
  ::operator delete(memory);
  count_released(size);
  count_returned_memory(size);
}

}  // namespace onehop
