// SPDX-License-Identifier: Apache-2.0
//
// MemoryCeiling: whether a server may take anything new on, by what the process holds for its
// peers. Once reached it stays so until an eighth is free, and the log hears of it once. Any
// thread.
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

  // `most` bytes, never 0. A sixteenth of them is set aside for what is not counted: what malloc
  // adds and what threads keep beside their free lists.
  void set(std::size_t most, Log log);
  // With how many counted bytes it is reached.
  std::size_t counted() const noexcept { return most_ - most_ / 16; }

  bool is_reached(io::Time now);
  // A request was refused because it is reached.
  void on_request_refused() noexcept { refused_.fetch_add(1, std::memory_order_relaxed); }

 private:
  bool look(std::size_t held, io::Time now);
  void tell(std::size_t held, bool reached, io::Time now);

  std::size_t most_ = ~std::size_t{0};
  Log log_;
  std::atomic<bool> reached_ = false;
  std::atomic<std::uint64_t> refused_ = 0;  // in this episode
  LineLimit lines_;                         // for a ceiling that is reached again and again
};

// Half of what the process may use: of the machine's memory, or of what its control group or a
// limit of the process leaves of it. The other half is for what is not counted.
std::size_t default_memory_ceiling();

}  // namespace onehop::server
