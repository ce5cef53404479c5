// SPDX-License-Identifier: Apache-2.0
#include "transport/upstream_counts.hpp"

#include <algorithm>
#include <utility>

namespace onehop::transport {
namespace {

using Statistics = Transport::Statistics;

Statistics::Address& address_in(std::vector<Statistics::Address>& all, std::string_view address) {
  const auto found = std::ranges::find(all, address, &Statistics::Address::address);
  if (found != all.end()) return *found;
  return all.emplace_back(Statistics::Address{.address = std::string(address)});
}

}  // namespace

UpstreamCounts::UpstreamCounts(const Url& url)
    : scheme_(url.scheme()),
      host_(url.scheme() == "unix" ? url.socket_path() : url.host()),
      port_(url.port()) {}

std::shared_ptr<AddressCounters> UpstreamCounts::counters_for(const std::string& address) {
  const std::lock_guard lock(mutex_);
  std::erase_if(counters_, [](const auto& each) { return each.use_count() == 1; });
  return counters_.emplace_back(std::make_shared<AddressCounters>(address));
}

void UpstreamCounts::record_attempt(std::string_view address, bool has_succeeded, Time now) {
  const std::lock_guard lock(mutex_);
  auto known = addresses_.find(address);
  if (known == addresses_.end()) {
    if (addresses_.size() == kMaxAddresses) {
      addresses_.erase(std::ranges::min_element(
          addresses_, {}, [](const auto& each) { return each.second.last(); }));
    }
    known = addresses_.emplace(address, Attempts()).first;
  }
  known->second.add(has_succeeded, now);
}

void UpstreamCounts::record_dial(bool has_succeeded, Time now) {
  const std::lock_guard lock(mutex_);
  dials_.add(has_succeeded, now);
}

Statistics::Upstream UpstreamCounts::statistics() const {
  const std::lock_guard lock(mutex_);
  Statistics::Upstream all{.scheme = scheme_, .host = host_, .port = port_, .attempts = dials_};
  for (const auto& [address, attempts] : addresses_)
    all.addresses.push_back({.address = address, .attempts = attempts});
  for (const auto& counters : counters_) {
    const std::size_t open = counters->open.value();
    if (open == 0) continue;
    Statistics::Address& one = address_in(all.addresses, counters->address);
    const std::size_t idle = counters->idle.value();
    const std::size_t busy = open - std::min<std::size_t>(open, counters->http2.value() + idle);
    one.open += open;
    one.idle += idle;
    one.requests += busy + counters->streams.value();
  }
  return all;
}

}  // namespace onehop::transport

namespace onehop {

using Statistics = Transport::Statistics;

void Statistics::Attempts::add(bool has_succeeded, Time at) noexcept {
  const bool is_first = last() == Time{};
  if (is_first || has_succeeded == are_failing()) since = at;
  Time& of_its_kind = has_succeeded ? succeeded : failed;
  of_its_kind = std::max(of_its_kind, at);
}

Statistics::Attempts& Statistics::Attempts::operator+=(const Attempts& other) noexcept {
  if (other.last() > last()) since = other.since;
  succeeded = std::max(succeeded, other.succeeded);
  failed = std::max(failed, other.failed);
  return *this;
}

Statistics::Upstream& Statistics::Upstream::operator+=(const Upstream& other) {
  attempts += other.attempts;
  for (const Address& one : other.addresses) {
    Address& its = transport::address_in(addresses, one.address);
    its.open += one.open;
    its.idle += one.idle;
    its.requests += one.requests;
    its.attempts += one.attempts;
  }
  return *this;
}

Statistics& Statistics::operator+=(const Statistics& other) {
  open += other.open;
  idle += other.idle;
  dialled += other.dialled;
  reused += other.reused;
  retried += other.retried;
  dials_failed += other.dials_failed;
  retried_unsent += other.retried_unsent;
  retried_refused += other.retried_refused;
  retried_uncertain += other.retried_uncertain;
  waits += other.waits;
  dns_queries = std::max(dns_queries, other.dns_queries);
  dns_stale_answers = std::max(dns_stale_answers, other.dns_stale_answers);
  tls.tls1_2 += other.tls.tls1_2;
  tls.tls1_2_resumed += other.tls.tls1_2_resumed;
  tls.tls1_3 += other.tls.tls1_3;
  tls.tls1_3_resumed += other.tls.tls1_3_resumed;
  tls.timed_out += other.tls.timed_out;
  tls.failed += other.tls.failed;
  tls.duration += other.tls.duration;
  http2.streams += other.http2.streams;
  http2.streams_total += other.http2.streams_total;
  http2.goaways += other.http2.goaways;
  for (const Upstream& one : other.upstreams) {
    const auto same = std::ranges::find_if(upstreams, [&one](const Upstream& its) {
      return its.scheme == one.scheme && its.host == one.host && its.port == one.port;
    });
    if (same == upstreams.end()) {
      upstreams.push_back(one);
    } else {
      *same += one;
    }
  }
  return *this;
}

}  // namespace onehop
