// SPDX-License-Identifier: Apache-2.0
//
// MemoryCeiling: whether a server may take on anything new, by the memory that the process holds
// for its peers. Once reached it stays so until an eighth is free, and it is logged once. Thread:
// any.
#pragma once

#include <onehop/server.hpp>

#include "io/timer_wheel.hpp"
#include "server/line_limit.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace onehop::server {

class MemoryCeiling {
 public:
  using Log = std::function<void(LogLevel, std::string_view)>;

  // `max` bytes, at least 1. A sixteenth of them is set aside for memory that is not counted: the
  // overhead of malloc, and blocks that threads keep outside their free lists.
  void set(std::size_t max, Log log);
  // The number of counted bytes at which it is reached.
  std::size_t counted() const noexcept { return max_ - max_ / 16; }

  bool is_reached(io::Time now);
  // A request was refused because it is reached.
  void on_request_refused() noexcept { refused_.fetch_add(1, std::memory_order_relaxed); }

 private:
  bool look(std::size_t held, io::Time now);
  void report(std::size_t held, bool reached, io::Time now);

  std::size_t max_ = ~std::size_t{0};
  Log log_;
  std::atomic<bool> reached_ = false;
  std::atomic<std::uint64_t> refused_ = 0;  // in this episode
  LineLimit lines_;                         // for a ceiling that is reached again and again
};

// Returns half of the memory that the process may use: the minimum of the machine's memory, of its
// control group's limit and of the limits of the process. The other half is for memory that is not
// counted.
std::size_t default_memory_ceiling();

}  // namespace onehop::server
