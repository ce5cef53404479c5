// SPDX-License-Identifier: Apache-2.0
#include "observe/request_metrics.hpp"

#include "observe/label_slots.hpp"
#include "observe/request_shard.hpp"
#include "observe/upstream_endpoints.hpp"
#include "server/exchange_log.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <utility>

namespace onehop::observe {
namespace {

// Returns a new number, never 0.
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

namespace {

// The numbers of one route.
struct RouteSums {
  std::vector<std::uint64_t> requests;  // by method, protocol and code, as RouteShard has them
  HistogramTotals duration;
  std::uint64_t request_body_bytes = 0, response_body_bytes = 0, in_flight = 0;

  RouteSums() : requests(kMethodLabels * kProtocolLabels * CodeLabels::kMax) {}
  void add(const RouteShard& shard);
};

void RouteSums::add(const RouteShard& shard) {
  for (std::size_t kind = 0; kind < shard.requests.size(); ++kind) {
    const auto* const codes = shard.requests[kind].get();
    if (codes == nullptr) continue;
    for (std::size_t code = 0; code < codes->size(); ++code)
      requests[kind * CodeLabels::kMax + code] += (*codes)[code].value();
  }
  duration.add(shard.duration);
  request_body_bytes += shard.request_body_bytes.value();
  response_body_bytes += shard.response_body_bytes.value();
  in_flight += shard.in_flight.value();
}

}  // namespace

struct RequestMetrics::State {
  explicit State(const Options& given) : options(given) {
    for (const std::size_t slot : {LabelSlots::kDefault, LabelSlots::kOther})
      indexes.get_or_make(slot, upstreams.value(slot));
  }

  // The caller must not hold the mutex.
  RequestShard& take_shard();
  void give_back(RequestShard& shard);
  void add_places(RequestSeries& series, std::span<const RouteLabels> labels, bool uses_default);
  void give_back(RequestSeries& series) noexcept;

  // The caller holds the mutex, and nothing uses the slot.
  void empty_route(std::size_t slot);
  void empty_upstream(std::size_t slot);

  const Options options;
  const CodeLabels codes;
  const std::uint64_t number = next_number();

  RequestShard::Indexes indexes;  // by upstream; made under the mutex

  mutable std::mutex mutex;
  // Guarded by mutex. A thread that ends leaves its shard to the next thread that needs one.
  std::vector<std::unique_ptr<RequestShard>> shards;
  std::vector<RequestShard*> unused;
  LabelSlots routes, upstreams;
  RouteSums others;  // the counts of routes whose slots were emptied
};

namespace {

// Holds the shard of a thread until the thread ends or records to another RequestMetrics.
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
  shards.push_back(std::make_unique<RequestShard>(indexes));
  return *shards.back();
}

void RequestMetrics::State::give_back(RequestShard& shard) {
  const std::lock_guard lock(mutex);
  unused.push_back(&shard);
}

// If this throws, `series` has the places that were added until then.
void RequestMetrics::State::add_places(RequestSeries& series,
                                       std::span<const RouteLabels> labels,
                                       bool uses_default) {
  series.places_.reserve(labels.size());
  const std::lock_guard lock(mutex);
  for (const RouteLabels& one : labels) {
    SeriesPlace& place = series.places_.emplace_back();
    place.route = static_cast<std::uint32_t>(
        routes.take(one.route, [this](std::size_t slot) { empty_route(slot); }));
    place.upstream = static_cast<std::uint32_t>(
        upstreams.take(one.upstream, [this](std::size_t slot) { empty_upstream(slot); }));
    indexes.get_or_make(place.upstream, upstreams.value(place.upstream));
  }
  if (!uses_default) return;
  upstreams.take(kTopUpstream, {});
  series.uses_default_ = true;
}

void RequestMetrics::State::give_back(RequestSeries& series) noexcept {
  const std::lock_guard lock(mutex);
  for (const SeriesPlace place : series.places_) {
    routes.give_back(place.route);
    upstreams.give_back(place.upstream);
  }
  if (series.uses_default_) upstreams.give_back(LabelSlots::kDefault);
}

void RequestMetrics::State::empty_route(std::size_t slot) {
  for (const auto& shard : shards) {
    if (const RouteShard* const route = shard->routes.get(slot)) others.add(*route);
    shard->routes.reset(slot);
  }
}

void RequestMetrics::State::empty_upstream(std::size_t slot) {
  for (const auto& shard : shards)
    shard->upstreams.reset(slot);
  indexes.reset(slot);
}

RequestMetrics::RequestMetrics() : RequestMetrics(Options()) {}
RequestMetrics::RequestMetrics(Options options) : state_(std::make_shared<State>(options)) {}

RequestSeries::RequestSeries(std::shared_ptr<RequestMetrics::State> state) noexcept
    : state_(std::move(state)) {}

RequestSeries::~RequestSeries() {
  state_->give_back(*this);
}

std::shared_ptr<const RequestSeries> RequestMetrics::series(std::span<const RouteLabels> routes,
                                                            bool uses_default) {
  const auto made = std::make_shared<RequestSeries>(state_);
  state_->add_places(*made, routes, uses_default);
  return made;
}

RequestShard& RequestMetrics::shard() {
  if (this_thread.owner != state_->number) [[unlikely]] {
    thread_local Lease<State> lease;
    lease.begin(state_);
  }
  return *this_thread.shard;
}

void RequestMetrics::begin(SeriesPlace place) noexcept {
  try {
    shard().begin(place);
  } catch (const std::bad_alloc&) {  // the request is not counted as in flight
  }
}

void RequestMetrics::become_tunnel(SeriesPlace place) noexcept {
  try {
    shard().end(place);
  } catch (const std::bad_alloc&) {  // then begin() has not counted it either
  }
}

void RequestMetrics::record(const ExchangeRecord& exchange, SeriesPlace place) {
  shard().record(exchange, place, state_->codes, state_->options.buckets);
}

namespace {

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

RequestTotals::Route totals_of(const std::string& name,
                               const RouteSums& sums,
                               const CodeLabels& codes) {
  return {.name = name,
          .requests = labelled(sums.requests, codes),
          .duration = sums.duration,
          .request_body_bytes = sums.request_body_bytes,
          .response_body_bytes = sums.response_body_bytes,
          .in_flight = sums.in_flight};
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
  for (std::size_t slot = 0; slot < state.routes.size(); ++slot) {
    RouteSums sums = slot == LabelSlots::kOther ? state.others : RouteSums();
    for (const auto& shard : state.shards) {
      if (const RouteShard* const route = shard->routes.get(slot)) sums.add(*route);
    }
    RequestTotals::Route route = totals_of(state.routes.value(slot), sums, state.codes);
    const bool is_shown = slot == LabelSlots::kDefault || state.routes.is_used(slot);
    if (is_shown || !route.requests.empty()) totals.routes.push_back(std::move(route));
  }
  for (std::size_t slot = 0; slot < state.upstreams.size(); ++slot) {
    RequestTotals::Upstream upstream{.name = state.upstreams.value(slot)};
    if (const AddressIndex* const index = state.indexes.get(slot)) {
      upstream.addresses = index->totals();
      upstream.connect = index->connect_times();
      upstream.wait = index->wait_times();
    }
    if (state.upstreams.is_used(slot) || !upstream.addresses.empty())
      totals.upstreams.push_back(std::move(upstream));
  }
  totals.failures = failure_totals(state.shards);
  totals.last_failures = last_failures(state.shards, totals);
  return totals;
}

void RequestMetrics::forget_address(std::string_view address, std::string_view upstream) {
  const State& state = *state_;
  const std::lock_guard lock(state.mutex);
  for (std::size_t slot = 0; slot < state.upstreams.size(); ++slot) {
    if (state.upstreams.value(slot) != upstream) continue;
    if (AddressIndex* const index = state.indexes.get(slot)) index->forget(address);
  }
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
