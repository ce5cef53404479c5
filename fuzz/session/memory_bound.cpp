// SPDX-License-Identifier: Apache-2.0
#include "memory_bound.hpp"

#include "base/check.hpp"
#include "base/held_memory.hpp"
#include "base/memory_checker.hpp"
#include "base/promised_memory.hpp"
#include "peer.hpp"

#include <algorithm>
#include <string>
#include <thread>

namespace onehop::fuzz {
namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kConnection = 4 * kKiB;
constexpr std::size_t kHttp2 = 20 * kKiB;
constexpr std::size_t kOutput = 128 * kKiB;  // of HTTP/2, unread by the peer
// Heads of fuzzed messages stay below the 4 KiB that this row includes.
constexpr std::size_t kRequest = 48 * kKiB;
constexpr std::size_t kInterim = 64 * kKiB;  // on the receiving and on the sending side
constexpr std::size_t kNotTaken = 512 * kKiB;
constexpr std::size_t kReplay = 64 * kKiB;
constexpr std::size_t kUnreadOfClient = 256 * kKiB;
constexpr std::size_t kUnreadOfBackend = 64 * kKiB;
constexpr std::size_t kTunnel = 128 * kKiB;
// Scratch memory, and free lists if they are enabled.
constexpr std::size_t kThread = kMemoryChecker ? 64 * kKiB : 4096 * kKiB;

std::size_t bound_of(const Load& load) {
  std::size_t bound = kThread;
  bound += load.h1_connections * kConnection + load.h2_connections * (kHttp2 + kOutput);
  bound += load.requests * kRequest + load.interims * 2 * kInterim;
  bound += load.client_streams * kUnreadOfClient + load.backend_streams * kUnreadOfBackend;
  bound += load.bodies * 2 * (kNotTaken + kReplay) + load.tunnels * kTunnel;
  return bound + load.from_h2;
}

std::size_t held_exactly() {
  report_held_memory();
  return held_memory();
}

// Also detects a negative balance.
void check_nothing_is_left() {
  constexpr std::size_t kSome = 1024 * kKiB;
  count_held(kSome);
  ONEHOP_CHECK(held_exactly() == kSome);
  count_released(kSome);
  count_promised(kSome);
  report_promised_memory();
  ONEHOP_CHECK(promised_memory() == kSome);
  count_redeemed(kSome);
  report_promised_memory();
  report_held_memory();
}

}  // namespace

void check_held(const Load& load) {
  const std::size_t held = held_exactly();
  const std::size_t bound = bound_of(load);
  trace("memory", load.requests, "held", std::to_string(held) + " of " + std::to_string(bound));
  ONEHOP_CHECK(held <= bound);
  if (load.ceiling == 0) return;
  ONEHOP_CHECK(held <= load.ceiling + load.ceiling / 4 + (kMemoryChecker ? 0 : kThread));
}

void run_and_check_memory(const std::function<void()>& run) {
  if (kMemoryChecker) {
    run();
    check_nothing_is_left();
    return;
  }
  std::thread(run).join();
  check_nothing_is_left();
}

}  // namespace onehop::fuzz
