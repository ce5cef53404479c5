// SPDX-License-Identifier: Apache-2.0
//
// RequestShard: the counters of the requests of one worker. Only its worker changes them; no
// instruction is locked and no cache line is shared. Blocks of counters are made when their labels
// first occur, and their number is bounded by the configuration and by fixed sets of labels.
// Any thread may read them.
// Thread: owner.
#pragma once

#include <onehop/exchange_record.hpp>

#include "base/counter.hpp"
#include "observe/address_index.hpp"
#include "observe/failure_reason.hpp"
#include "observe/histogram.hpp"
#include "observe/published.hpp"
#include "observe/recent_failures.hpp"
#include "observe/request_labels.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace onehop::observe {

// Of one route.
struct RouteShard {
  using Codes = std::array<Counter, CodeLabels::kMax>;

  // By method_label() * kProtocolLabels + protocol_label().
  std::array<Published<Codes>, kMethodLabels * kProtocolLabels> requests;
  HistogramCounters duration;
  Counter request_body_bytes, response_body_bytes;
};

class RequestShard {
 public:
  static constexpr std::size_t kSides = static_cast<std::size_t>(Side::upstream) + 1;
  static constexpr std::size_t kPhases = static_cast<std::size_t>(Phase::tunnel) + 1;

  // One index for each upstream. All outlive it.
  RequestShard(std::size_t route_count, std::deque<AddressIndex>& indexes);

  // Indexes above the counts are those of the last one.
  void record(const ExchangeRecord& exchange,
              std::size_t route,
              std::size_t upstream,
              const CodeLabels& codes,
              const Buckets& buckets);

  std::vector<Published<RouteShard>> routes;
  std::vector<std::unique_ptr<AddressIndex::Worker>> upstreams;
  // By side * kPhases + phase.
  std::array<Published<FailureCounters>, kSides * kPhases> failures;
  // By reason: when the last one was, in ticks of Time; 0 if there was none.
  std::array<std::atomic<Time::rep>, kFailureReasons> last_failures{};
  RecentFailures recent;

 private:
  void record_request(RouteShard& route,
                      const ExchangeRecord& exchange,
                      const CodeLabels& codes,
                      const Buckets& buckets);
  void record_failure(const ExchangeRecord& exchange);
};

}  // namespace onehop::observe
