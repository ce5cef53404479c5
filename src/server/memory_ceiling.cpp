// SPDX-License-Identifier: Apache-2.0
#include "server/memory_ceiling.hpp"

#include "base/held_memory.hpp"
#include "base/promised_memory.hpp"
#include "server/control_group.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

namespace onehop::server {
namespace {

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

// Returns a size in MiB, with one decimal below 10 MiB.
std::string in_mebibytes(std::size_t byte_count) {
  const std::size_t tenths = byte_count / 1024 * 10 / 1024;
  if (tenths >= 100) return std::to_string(tenths / 10) + " MiB";
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " MiB";
}

std::size_t limit_of_process(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return kAny;
  return limit.rlim_cur == RLIM_INFINITY ? kAny : limit.rlim_cur;
}

std::size_t memory_of_machine() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long size = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || size <= 0) return kAny;
  return static_cast<std::size_t>(pages) * static_cast<std::size_t>(size);
}

}  // namespace

std::size_t default_memory_ceiling() {
  const std::size_t usable =
      std::min({memory_of_machine(), limit_of_process(RLIMIT_AS), limit_of_process(RLIMIT_DATA),
                ControlGroup::of_this_process().memory()});
  return usable == kAny ? kAny : usable / 2;
}

bool MemoryCeiling::is_reached(io::Time now) {
  const std::size_t held = held_memory() + promised_memory();
  const bool reached = reached_.load(std::memory_order_relaxed);
  if (!reached && held < counted()) return false;
  if (reached && held >= counted() - counted() / 8) return true;
  return look(held, now);
}

// Called when the ceiling may have been reached or left. Of several threads, one logs the change.
bool MemoryCeiling::look(std::size_t held, io::Time now) {
  const bool reached = held >= counted();
  if (reached_.exchange(reached) == reached) return reached;
  try {
    report(held, reached, now);
  } catch (const std::bad_alloc&) {  // the line is lost
  }
  return reached;
}

void MemoryCeiling::report(std::size_t held, bool reached, io::Time now) {
  const std::string figures =
      in_mebibytes(held) + " of " + in_mebibytes(max()) +
      " (max_memory) in use for clients and backends, promised memory included";
  if (!reached) {
    const std::uint64_t refused = refused_.exchange(0, std::memory_order_relaxed);
    log_(LogLevel::info, "accepting again: " + figures + "; " + std::to_string(refused) +
                             (refused == 1 ? " request was refused" : " requests were refused"));
  } else if (const auto suppressed = lines_.admit(now)) {
    log_(LogLevel::warning, "memory limit reached: " + figures +
                                "; not accepting connections and refusing new requests until " +
                                in_mebibytes(counted() / 8) + " are free" +
                                and_suppressed(*suppressed));
  }
}

}  // namespace onehop::server
