// SPDX-License-Identifier: Apache-2.0
//
// WorkerCounters is what one worker counts for Server::metrics(). Any thread may read the counters.
// Thread: owner.
#pragma once

#include <onehop/metrics.hpp>

#include "base/counter.hpp"
#include "base/duration_counts.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>

namespace onehop::server {

struct WorkerCounters {
  Counter connections_cut;
  std::array<Counter, kRefusals> refusals;
  std::array<std::atomic<std::chrono::steady_clock::time_point>, kRefusals> last_refusals{};
  struct Http2 {
    Counter streams, streams_ended, refused, over_max_streams, goaways, floods;
    std::atomic<std::chrono::steady_clock::time_point> last_over_max_streams{};
  } http2;
  struct Tls {
    // By version, and by whether the session was resumed.
    Counter tls1_2_full, tls1_2_resumed, tls1_3_full, tls1_3_resumed;
    Counter timed_out, plain_http, failed;
    DurationCounts durations;
  } tls;

  // Counts a request beyond Server::Options::max_streams.
  void count_refused_stream() noexcept {
    http2.over_max_streams.add(1);
    http2.last_over_max_streams.store(std::chrono::steady_clock::now(), std::memory_order_relaxed);
  }
  void count(Refusal why) noexcept {
    refusals[static_cast<std::size_t>(why)].add(1);
    last_refusals[static_cast<std::size_t>(why)].store(std::chrono::steady_clock::now(),
                                                       std::memory_order_relaxed);
  }
};

}  // namespace onehop::server
