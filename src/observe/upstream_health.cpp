// SPDX-License-Identifier: Apache-2.0
#include "observe/upstream_health.hpp"

#include "net/address.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace onehop::observe {
namespace {

using Statistics = Transport::Statistics;
using Health = Overview::Health;
using Address = RequestTotals::Address;

bool is_of(const Statistics::Upstream& upstream, const Url& backend) {
  const std::string_view host = backend.scheme() == "unix" ? backend.socket_path() : backend.host();
  return upstream.scheme == backend.scheme() && upstream.host == host &&
         upstream.port == backend.port();
}

// Zero for a time before the backend came into use, which does not count.
Time since(Time at, Time begin) {
  return at > begin ? at : Time{};
}

class Joining {
 public:
  Joining(RequestTotals::Upstream& upstream, const UpstreamFacts& facts)
      : upstream_(upstream), addresses_(upstream.addresses), begin_(facts.former.until) {
    for (const Statistics::Upstream& one : facts.transport.upstreams) {
      const auto is_its = [&one](const Url& backend) { return is_of(one, backend); };
      if (std::ranges::any_of(facts.backends, is_its)) {
        current_ += one;
      } else {
        former_ += one;
      }
    }
  }

  void add_connections() {
    for (const auto* const one : {&current_, &former_}) {
      for (const Statistics::Address& its : one->addresses) {
        if (its.open == 0) continue;
        Address& row = row_of(its.address);
        row.open += its.open;
        row.idle += its.idle;
        row.in_flight += its.requests;
      }
    }
  }
  std::vector<std::string> take_former() {
    std::vector<std::string> unused;
    for (Address& row : addresses_) {
      if (is_current(row)) continue;
      row.health = Health::draining;
      if (row.open == 0) unused.push_back(row.address);
    }
    std::erase_if(addresses_, [](const Address& row) {
      return row.health == Health::draining && row.open == 0;
    });
    return unused;
  }
  void decide(const std::string& name) {
    Time used = since(current_.attempts.succeeded, begin_);
    bool is_known = false;
    for (const Address& row : addresses_) {
      if (row.address.empty() || row.health == Health::draining) continue;
      is_known = true;
      used = std::max(used, since(row.last, begin_));
    }
    const Time failed = since(current_.attempts.failed, begin_);
    const bool is_down = failed > used;
    if (is_down || used != Time{}) upstream_.health = is_down ? Health::down : Health::up;
    if (!is_known && is_down) addresses_.push_back({.address = name});
    for (Address& row : addresses_) {
      if (row.address.empty() || row.health == Health::draining) continue;
      decide_one(row, is_down, used);
    }
  }

 private:
  // A new row moves the others.
  Address& row_of(const std::string& address) {
    const auto found = std::ranges::find(addresses_, address, &Address::address);
    return found != addresses_.end() ? *found
                                     : addresses_.emplace_back(Address{.address = address});
  }
  const Statistics::Address* known(const std::string& address) const {
    const auto found =
        std::ranges::find(current_.addresses, address, &Statistics::Address::address);
    return found != current_.addresses.end() ? &*found : nullptr;
  }
  bool is_current(const Address& row) const {
    if (row.address.empty() || begin_ == Time{} || row.last > begin_) return true;
    const Statistics::Address* const its = known(row.address);
    return its != nullptr && (its->open > 0 || its->attempts.last() > begin_);
  }
  void decide_one(Address& row, bool is_down, Time used_any) const {
    Statistics::Attempts attempts = current_.attempts;
    if (const auto* const its = known(row.address); its != nullptr && !is_down) {
      attempts = its->attempts;
      used_any = std::max(since(attempts.succeeded, begin_), since(row.last, begin_));
      is_down = since(attempts.failed, begin_) > used_any;
    }
    row.health = is_down ? Health::down : Health::up;
    // If requests have succeeded after the last attempt, its failure is out of date.
    const bool is_of_attempts = attempts.are_failing() == is_down;
    row.since = std::max(is_of_attempts ? attempts.since : attempts.failed, begin_);
    if (is_down) row.since = std::max(row.since, used_any);
  }

  RequestTotals::Upstream& upstream_;
  std::vector<Address>& addresses_;
  const Time begin_;
  Statistics::Upstream current_, former_;
};

}  // namespace

std::vector<std::string> add_health(RequestTotals::Upstream& upstream, const UpstreamFacts& facts) {
  Joining joining(upstream, facts);
  joining.add_connections();
  std::vector<std::string> unused = joining.take_former();
  joining.decide(facts.backends.empty() ? "" : address_of(facts.backends.front()));
  return unused;
}

std::string address_of(const Url& backend) {
  if (!backend.socket_path().empty()) return "unix:" + std::string(backend.socket_path());
  if (const auto address = net::Address::from_ip(backend.host(), backend.port()))
    return address->to_string();
  return std::string(backend.host()) + ":" + std::to_string(backend.port());
}

}  // namespace onehop::observe
