// SPDX-License-Identifier: Apache-2.0
#include "observe/upstream_health.hpp"

#include "net/address.hpp"

#include <algorithm>
#include <cstddef>
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

// Returns `at`, or zero if that is not after `begin`, when the backends came into use.
Time since(Time at, Time begin) {
  return at > begin ? at : Time{};
}

const Statistics::Address* find(const Statistics::Upstream& in, const std::string& address) {
  const auto found = std::ranges::find(in.addresses, address, &Statistics::Address::address);
  return found != in.addresses.end() ? &*found : nullptr;
}

// A backend in use.
struct Backend {
  const ConfiguredBackend* configured;
  Statistics::Upstream statistics = {};
  std::vector<std::size_t> rows = {};  // indexes of its addresses
  Health health = Health::unused;
  Time used{};  // when a connection to any of its addresses was last made or used
};

class Joining {
 public:
  Joining(RequestTotals::Upstream& upstream, const UpstreamFacts& facts)
      : upstream_(upstream),
        addresses_(upstream.addresses),
        begin_(facts.former.until),
        is_configured_(facts.is_configured) {
    for (const ConfiguredBackend& one : facts.backends)
      backends_.push_back({.configured = &one});
    for (const Statistics::Upstream& one : facts.transport.upstreams) {
      const auto is_its = [&one](const Backend& its) { return is_of(one, its.configured->url); };
      const auto found = std::ranges::find_if(backends_, is_its);
      (found != backends_.end() ? found->statistics : former_) += one;
    }
  }

  void add_connections() {
    for (const Backend& backend : backends_)
      add_connections_of(backend.statistics);
    add_connections_of(former_);
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
  void decide() {
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
      const Address& row = addresses_[i];
      if (row.address.empty() || row.health == Health::draining) continue;
      if (Backend* const its = backend_of(row)) {
        its->rows.push_back(i);
      } else {
        addresses_[i].health = since(row.last, begin_) != Time{} ? Health::up : Health::unused;
      }
    }
    for (Backend& backend : backends_)
      decide_backend(backend);
    const auto count = [this](Health health) {
      return static_cast<std::size_t>(std::ranges::count(backends_, health, &Backend::health));
    };
    if (count(Health::up) > 0) {
      upstream_.health = Health::up;
    } else if (!backends_.empty() && count(Health::down) == backends_.size()) {
      upstream_.health = Health::down;
    }
  }

 private:
  void add_connections_of(const Statistics::Upstream& statistics) {
    for (const Statistics::Address& its : statistics.addresses) {
      if (its.open == 0) continue;
      Address& row = row_of(its.address);
      row.open += its.open;
      row.idle += its.idle;
      row.in_flight += its.requests;
    }
  }
  // Returns the row of the address; adds one if there is none, which may move the other rows.
  Address& row_of(const std::string& address) {
    const auto found = std::ranges::find(addresses_, address, &Address::address);
    return found != addresses_.end() ? *found
                                     : addresses_.emplace_back(Address{.address = address});
  }
  bool is_in_use(const Statistics::Address& its) const noexcept {
    return its.open > 0 || its.attempts.last() > begin_;
  }
  bool is_current(const Address& row) const {
    if (row.address.empty() || backends_.empty()) return is_configured_;
    for (const Backend& backend : backends_) {
      const Statistics::Address* const its = find(backend.statistics, row.address);
      if (its != nullptr && is_in_use(*its)) return true;
    }
    if (find(former_, row.address) != nullptr) return false;
    return begin_ == Time{} || row.last > begin_;
  }
  // Returns the backend that resolves to the address; of several, the one with the latest attempt.
  // Returns null if none is known to.
  Backend* backend_of(const Address& row) {
    Backend* latest = nullptr;
    Time at{};
    for (Backend& backend : backends_) {
      const Statistics::Address* const its = find(backend.statistics, row.address);
      if (its == nullptr || (latest != nullptr && its->attempts.last() <= at)) continue;
      latest = &backend;
      at = its->attempts.last();
    }
    if (latest != nullptr) return latest;
    for (Backend& backend : backends_) {
      if (address_of(backend.configured->url) == row.address) return &backend;
    }
    return backends_.size() == 1 ? &backends_.front() : nullptr;
  }
  void decide_backend(Backend& backend) {
    const Statistics::Attempts& attempts = backend.statistics.attempts;
    backend.used = since(attempts.succeeded, begin_);
    for (const std::size_t row : backend.rows)
      backend.used = std::max(backend.used, since(addresses_[row].last, begin_));
    const bool is_down = since(attempts.failed, begin_) > backend.used;
    if (is_down || backend.used != Time{}) backend.health = is_down ? Health::down : Health::up;
    if (backend.rows.empty() && is_down) {
      backend.rows.push_back(addresses_.size());
      addresses_.push_back({.address = address_of(backend.configured->url)});
    }
    for (const std::size_t row : backend.rows)
      decide_address(addresses_[row], backend);
  }
  void decide_address(Address& row, const Backend& backend) const {
    Statistics::Attempts attempts = backend.statistics.attempts;
    bool is_down = backend.health == Health::down;
    Time used = backend.used;
    if (const auto* const its = find(backend.statistics, row.address); its != nullptr && !is_down) {
      attempts = its->attempts;
      used = std::max(since(attempts.succeeded, begin_), since(row.last, begin_));
      is_down = since(attempts.failed, begin_) > used;
    }
    row.backend = backend.configured->shown;
    row.health = is_down ? Health::down : Health::up;
    // If requests have succeeded since the last attempt, a failure of that attempt is out of date.
    const bool is_of_attempts = attempts.are_failing() == is_down;
    row.since = std::max(is_of_attempts ? attempts.since : attempts.failed, begin_);
    if (is_down) row.since = std::max(row.since, used);
  }

  RequestTotals::Upstream& upstream_;
  std::vector<Address>& addresses_;
  const Time begin_;
  const bool is_configured_;
  std::vector<Backend> backends_;
  Statistics::Upstream former_;
};

}  // namespace

std::vector<std::string> add_health(RequestTotals::Upstream& upstream, const UpstreamFacts& facts) {
  Joining joining(upstream, facts);
  joining.add_connections();
  std::vector<std::string> unused = joining.take_former();
  joining.decide();
  return unused;
}

std::string address_of(const Url& backend) {
  if (!backend.socket_path().empty()) return "unix:" + std::string(backend.socket_path());
  if (const auto address = net::Address::from_ip(backend.host(), backend.port()))
    return address->to_string();
  return std::string(backend.host()) + ":" + std::to_string(backend.port());
}

}  // namespace onehop::observe
