// SPDX-License-Identifier: Apache-2.0
#include "observe/recent_failures.hpp"

#include "http/target_parts.hpp"
#include "observe/exchange_values.hpp"
#include "observe/failure_reason.hpp"
#include "observe/request_labels.hpp"
#include "server/exchange_log.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

namespace onehop::observe {
namespace {

void set(std::string& target, std::string_view text) {
  target.assign(text.substr(0, RecentFailures::kMaxText));
}

void set_failure(Overview::Failure& entry, const Error& failure) {
  set(entry.side, server::name_of(failure.side()));
  set(entry.phase, name_of_phase_label(failure.phase()));
  set(entry.reason, name_of_failure_reason(failure_reason(failure)));
  set(entry.detail, reason_of(failure));
}

void set_request(Overview::Failure& entry, const ExchangeRecord& exchange) {
  set(entry.method, has_head(exchange) ? exchange.method.text() : std::string_view());
  set(entry.protocol, has_head(exchange) ? to_string(exchange.version) : std::string_view());
  set(entry.client, exchange.client);
  set(entry.host, exchange.host);
  const auto [path, query] = parts_of_target(exchange.target);
  set(entry.path, path);
  set(entry.query, query);
  set(entry.request_id, exchange.request_id);
  set(entry.trace_id, exchange.trace_id);
}

std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

void fill(Overview::Failure& entry, const ExchangeRecord& exchange, std::string_view upstream) {
  entry.id = next_id();
  entry.at = std::chrono::system_clock::now();
  set_request(entry, exchange);
  set_failure(entry, failure_of(exchange));
  set(entry.route, exchange.route);
  set(entry.upstream_name, upstream);
  set(entry.upstream, exchange.upstream);
  entry.status = reported_status(exchange);
  entry.attempts = exchange.attempts;
  entry.duration = exchange.ended - exchange.began;
}

}  // namespace

void RecentFailures::add(const ExchangeRecord& exchange, std::string_view upstream) {
  const std::lock_guard lock(mutex_);
  if (entries_.size() < kMax) {
    entries_.emplace_back();
    next_ = entries_.size() - 1;
  }
  fill(entries_[next_], exchange, upstream);
  next_ = (next_ + 1) % kMax;
}

void RecentFailures::append_to(std::vector<Overview::Failure>& all) const {
  const std::lock_guard lock(mutex_);
  const std::size_t first = entries_.size() < kMax ? 0 : next_;
  for (std::size_t i = 0; i < entries_.size(); ++i)
    all.push_back(entries_[(first + i) % entries_.size()]);
}

}  // namespace onehop::observe
