// SPDX-License-Identifier: Apache-2.0
#include "observe/request_metrics.hpp"

#include "observe/request_shard.hpp"
#include "server/exchange_log.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <utility>

namespace onehop::observe {
namespace {

// Never 0.
std::uint64_t next_number() noexcept {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

struct ThisThread {
  std::uint64_t owner = 0;  // the number of the RequestMetrics that the shard belongs to
  RequestShard* shard = nullptr;
};
constinit thread_local ThisThread this_thread;

}  // namespace

struct RequestMetrics::State {
  explicit State(Options given) : options(std::move(given)), indexes(options.upstreams.size()) {}

  // Both with the mutex not held.
  RequestShard& take_shard();
  void give_back(RequestShard& shard);

  const Options options;
  const CodeLabels codes;
  const std::uint64_t number = next_number();

  std::deque<AddressIndex> indexes;  // by upstream

  mutable std::mutex mutex;
  // Guarded by mutex. A thread that has ended leaves its shard to the next one that starts.
  std::vector<std::unique_ptr<RequestShard>> shards;
  std::vector<RequestShard*> unused;
};

namespace {

// The shard of a thread, until the thread ends or counts elsewhere.
template <class State>
struct Lease {
  std::shared_ptr<State> state;
  RequestShard* shard = nullptr;

  Lease() noexcept = default;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { end(); }
  void begin(std::shared_ptr<State> of) {
    end();
    shard = &of->take_shard();
    state = std::move(of);
    this_thread = {state->number, shard};
  }
  void end() noexcept {
    this_thread = {};
    if (state) state->give_back(*shard);
    state.reset();
  }
};

}  // namespace

RequestShard& RequestMetrics::State::take_shard() {
  const std::lock_guard lock(mutex);
  if (!unused.empty()) {
    RequestShard* const taken = unused.back();
    unused.pop_back();
    return *taken;
  }
  unused.reserve(shards.size() + 1);  // so that give_back() does not throw
  shards.push_back(std::make_unique<RequestShard>(options.routes.size(), indexes));
  return *shards.back();
}

void RequestMetrics::State::give_back(RequestShard& shard) {
  const std::lock_guard lock(mutex);
  unused.push_back(&shard);
}

RequestMetrics::RequestMetrics() : RequestMetrics(Options()) {}
RequestMetrics::RequestMetrics(Options options)
    : state_(std::make_shared<State>(std::move(options))) {}

void RequestMetrics::record(const ExchangeRecord& exchange,
                            std::size_t route,
                            std::size_t upstream) {
  if (this_thread.owner != state_->number) [[unlikely]] {
    thread_local Lease<State> lease;
    lease.begin(state_);
  }
  this_thread.shard->record(exchange, route, upstream, state_->codes, state_->options.buckets);
}

namespace {

void add_requests(std::vector<std::uint64_t>& sums, const RouteShard& shard) {
  for (std::size_t kind = 0; kind < shard.requests.size(); ++kind) {
    const auto* const codes = shard.requests[kind].get();
    if (codes == nullptr) continue;
    for (std::size_t code = 0; code < codes->size(); ++code)
      sums[kind * CodeLabels::kMax + code] += (*codes)[code].value();
  }
}

std::vector<RequestTotals::Requests> labelled(const std::vector<std::uint64_t>& sums,
                                              const CodeLabels& codes) {
  std::vector<RequestTotals::Requests> requests;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (sums[i] == 0) continue;
    const std::size_t kind = i / CodeLabels::kMax;
    requests.push_back({.method = name_of_method_label(kind / kProtocolLabels),
                        .protocol = name_of_protocol_label(kind % kProtocolLabels),
                        .code = codes.name(i % CodeLabels::kMax),
                        .count = sums[i]});
  }
  return requests;
}

using Shards = std::vector<std::unique_ptr<RequestShard>>;

RequestTotals::Route route_totals(const Shards& shards,
                                  std::size_t route,
                                  const std::string& name,
                                  const CodeLabels& codes) {
  RequestTotals::Route totals{.name = name};
  std::vector<std::uint64_t> sums(kMethodLabels * kProtocolLabels * CodeLabels::kMax);
  for (const auto& shard : shards) {
    const RouteShard* const one = shard->routes[route].get();
    if (one == nullptr) continue;
    add_requests(sums, *one);
    totals.duration.add(one->duration);
    totals.request_body_bytes += one->request_body_bytes.value();
    totals.response_body_bytes += one->response_body_bytes.value();
  }
  totals.requests = labelled(sums, codes);
  return totals;
}

Time time_of(const std::atomic<Time::rep>& ticks) {
  return Time(Time::duration(ticks.load(std::memory_order_relaxed)));
}

std::vector<RequestTotals::Failures> failure_totals(const Shards& shards) {
  std::vector<RequestTotals::Failures> failures;
  for (std::size_t place = 0; place < RequestShard::kSides * RequestShard::kPhases; ++place) {
    std::array<std::uint64_t, kFailureReasons> sums{};
    for (const auto& shard : shards) {
      const auto* const reasons = shard->failures[place].get();
      for (std::size_t i = 0; reasons != nullptr && i < sums.size(); ++i)
        sums[i] += (*reasons)[i].value();
    }
    const auto side = static_cast<Side>(place / RequestShard::kPhases);
    const auto phase = static_cast<Phase>(place % RequestShard::kPhases);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (sums[i] == 0) continue;
      failures.push_back({.side = server::name_of(side),
                          .phase = name_of_phase_label(phase),
                          .reason = name_of_failure_reason(i),
                          .count = sums[i]});
    }
  }
  return failures;
}

std::vector<RequestTotals::LastFailure> last_failures(const Shards& shards,
                                                      const RequestTotals& totals) {
  std::vector<RequestTotals::LastFailure> all;
  for (std::size_t i = 0; i < kFailureReasons; ++i) {
    RequestTotals::LastFailure one{.reason = name_of_failure_reason(i)};
    for (const RequestTotals::Failures& failures : totals.failures)
      one.count += failures.reason == one.reason ? failures.count : 0;
    for (const auto& shard : shards)
      one.last = std::max(one.last, time_of(shard->last_failures[i]));
    if (one.count > 0) all.push_back(one);
  }
  return all;
}

}  // namespace

RequestTotals RequestMetrics::totals() const {
  const State& state = *state_;
  const std::lock_guard lock(state.mutex);
  RequestTotals totals;
  for (std::size_t i = 0; i < state.options.routes.size(); ++i)
    totals.routes.push_back(route_totals(state.shards, i, state.options.routes[i], state.codes));
  for (std::size_t i = 0; i < state.options.upstreams.size(); ++i)
    totals.upstreams.push_back(
        {.name = state.options.upstreams[i], .addresses = state.indexes[i].totals()});
  totals.failures = failure_totals(state.shards);
  totals.last_failures = last_failures(state.shards, totals);
  return totals;
}

void RequestMetrics::forget_address(std::string_view address, std::size_t upstream) {
  state_->indexes[upstream].forget(address);
}

std::vector<Overview::Failure> RequestMetrics::recent_failures() const {
  std::vector<Overview::Failure> all;
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& shard : state_->shards)
      shard->recent.append_to(all);
  }
  std::ranges::sort(all, std::ranges::greater(), &Overview::Failure::id);
  if (all.size() > RecentFailures::kMax) all.resize(RecentFailures::kMax);
  return all;
}

const Buckets& RequestMetrics::buckets() const noexcept {
  return state_->options.buckets;
}

}  // namespace onehop::observe
