// SPDX-License-Identifier: Apache-2.0
//
// MemoryCeiling decides whether a server may accept new work, by the memory that the process holds
// for its peers. Once reached, it stays reached until an eighth is free. One thread logs each
// change; lines() limits the warnings.
// Thread: any.
#pragma once

#include <onehop/server.hpp>

#include "io/timer_wheel.hpp"
#include "server/line_limit.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace onehop::server {

class MemoryCeiling {
 public:
  using Log = std::function<void(LogLevel, std::string_view)>;

  // Sets the limit to `max` bytes, at least 1. A sixteenth of it is set aside for memory that is
  // not counted: the overhead of malloc, and blocks that threads keep outside their free lists.
  void set(std::size_t max) noexcept { max_.store(max, std::memory_order_relaxed); }
  void lower(std::size_t to) noexcept { set(std::clamp(to, std::size_t{1}, max())); }
  // Called before any other thread uses the ceiling.
  void set_log(Log log) { log_ = std::move(log); }
  // Returns the number of counted bytes at which the ceiling is reached.
  std::size_t counted() const noexcept { return max() - max() / 16; }
  bool is_none() const noexcept { return max() == kNone; }

  bool is_reached(io::Time now);
  // Counts a request that was refused because the ceiling is reached.
  void on_request_refused() noexcept {
    refused_.fetch_add(1, std::memory_order_relaxed);
    all_refused_.fetch_add(1, std::memory_order_relaxed);
  }
  // Limits the log lines about a ceiling that is reached repeatedly.
  LineLimit& lines() noexcept { return lines_; }
  // Returns the number of all requests refused.
  std::uint64_t refused() const noexcept { return all_refused_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  std::size_t max() const noexcept { return max_.load(std::memory_order_relaxed); }
  bool look(std::size_t held, io::Time now);
  void report(std::size_t held, bool reached, io::Time now);

  std::atomic<std::size_t> max_ = kNone;
  Log log_;
  std::atomic<bool> reached_ = false;
  std::atomic<std::uint64_t> refused_ = 0;  // since it was reached
  std::atomic<std::uint64_t> all_refused_ = 0;
  LineLimit lines_;
};

// Returns half of the memory that the process may use: the minimum of the machine's memory, of its
// control group's limit and of the limits of the process. The other half is for memory that is not
// counted.
std::size_t default_memory_ceiling();

}  // namespace onehop::server
