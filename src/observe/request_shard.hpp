// SPDX-License-Identifier: Apache-2.0
//
// RequestShard holds the request counters of one worker. Only that worker changes them, so it needs
// no locked instructions and shares no cache line with other writers. Blocks of counters are made
// when their labels first occur; the configuration and fixed sets of labels bound their number. Any
// thread may read the counters.
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
#include "observe/slot_table.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace onehop::observe {

// The slots (LabelSlots) in which an exchange is counted.
struct SeriesPlace {
  std::uint32_t route = LabelSlots::kDefault;
  std::uint32_t upstream = LabelSlots::kDefault;
};

// The counters of one route.
struct RouteShard {
  using Codes = std::array<Counter, CodeLabels::kMax>;

  // Indexed by method_label() * kProtocolLabels + protocol_label().
  std::array<Published<Codes>, kMethodLabels * kProtocolLabels> requests;
  HistogramCounters duration;
  Counter request_body_bytes, response_body_bytes;
  Counter in_flight;  // requests that are not tunnels
};

class RequestShard {
 public:
  static constexpr std::size_t kSides = static_cast<std::size_t>(Side::upstream) + 1;
  static constexpr std::size_t kPhases = static_cast<std::size_t>(Phase::tunnel) + 1;

  using Indexes = SlotTable<AddressIndex>;

  // `indexes` must outlive the shard, and must have an index for each upstream that a place names.
  explicit RequestShard(const Indexes& indexes) : indexes_(indexes) {}

  void record(const ExchangeRecord& exchange,
              SeriesPlace place,
              const CodeLabels& codes,
              const Buckets& buckets);
  // A request is in flight from begin() to end(), which record() calls unless it was a tunnel.
  // Requests of the default route are not counted: their number is the server's total less all
  // others.
  void begin(SeriesPlace place);
  void end(SeriesPlace place) noexcept;

  SlotTable<RouteShard> routes;
  SlotTable<AddressIndex::Worker> upstreams;
  // Indexed by side * kPhases + phase.
  std::array<Published<FailureCounters>, kSides * kPhases> failures;
  // The time of the last failure, by reason, in ticks of Time; 0 if there was none.
  std::array<std::atomic<Time::rep>, kFailureReasons> last_failures{};
  RecentFailures recent;

 private:
  void record_request(RouteShard& route,
                      const ExchangeRecord& exchange,
                      const CodeLabels& codes,
                      const Buckets& buckets);
  void record_failure(const ExchangeRecord& exchange, SeriesPlace place);

  const Indexes& indexes_;
};

}  // namespace onehop::observe
