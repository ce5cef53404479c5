// SPDX-License-Identifier: Apache-2.0
#include "upstream/group.hpp"

#include "io/random_bytes.hpp"
#include "net/keyed_hash.hpp"
#include "transport/origin_key.hpp"
#include "transport/transport_access.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace onehop::upstream {
namespace {

// Ejections are shortened by up to 10 %, so that endpoints that failed together are not tried
// together.
constexpr double kEjectJitter = 0.1;

std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last = 0;
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void fill_with_random_key(std::string& key) {
  std::array<unsigned char, 32> random{};
  io::fill_randomly(random);
  key.assign(random.begin(), random.end());
}

SetCookie cookie_of(const std::string& name, std::uint64_t value, bool is_secure) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  SetCookie cookie{.name = name,
                   .value = std::string(digits.data(), end),
                   .path = "/",
                   .secure = is_secure,
                   .http_only = true,
                   .same_site = SameSite::lax};
  if (!cookie.to_string()) cookie.secure = true;  // required by the prefix of its name
  return cookie;
}

// `key_before` is the cookie's key if the cookie continues that of another group, or "".
Upstream::Options checked(Upstream::Options options, const std::string& key_before) {
  if (options.max_attempts == 0 || options.max_attempts > Group::kMaxAttempts) {
    throw std::invalid_argument("max_attempts is a number from 1 to " +
                                std::to_string(Group::kMaxAttempts));
  }
  if (options.balance == Balance::hash && !options.hash_key) {
    throw std::invalid_argument("Balance::hash needs a hash_key");
  }
  if (!options.sticky.name.empty()) {
    if (const auto text = cookie_of(options.sticky.name, 0, true).to_string(); !text) {
      throw std::invalid_argument("the sticky cookie: " + std::string(text.error().detail()));
    }
    if (options.sticky.key.empty()) {
      options.sticky.key = key_before;
      if (key_before.empty()) fill_with_random_key(options.sticky.key);
    } else if (options.sticky.key.size() < Group::kMinCookieKey) {
      throw std::invalid_argument("the key of the sticky cookie has fewer than " +
                                  std::to_string(Group::kMinCookieKey) + " bytes");
    }
  }
  if (!options.transport) options.transport = std::make_shared<const Transport>();
  return options;
}

bool has_requests(const Endpoint& endpoint) noexcept {
  return endpoint.load.requests.load(std::memory_order_relaxed) != 0;
}

}  // namespace

Group::Group(Upstream::Options options, const Group* before, Time now)
    : has_random_key_(options.sticky.key.empty()),
      options_(checked(std::move(options),
                       before && before->has_random_key_ ? before->options_.sticky.key : "")),
      id_(next_id()),
      members_(std::make_shared<MemberList>()),
      random_(static_cast<std::minstd_rand::result_type>(id_)) {
  if (before) take_over(*before, now);
  update(options_.endpoints, now, Arrival::with_the_start);
}

// Remembers the endpoints of `before`; they are in this list, or in one that is set later.
void Group::take_over(const Group& before, Time now) {
  const auto add = [&](const Endpoint& known, Time since) {
    Upstream::Endpoint named(known.url);
    named.connect_address = known.connect_address;
    gone_.push_back({std::make_shared<Endpoint>(named), since});
    gone_.back().endpoint->take_over(known, is_checked());
  };
  const std::lock_guard lock(before.mutex_);
  for (const Member& member : *before.members_)
    add(*member.endpoint, now);
  for (const Gone& gone : before.gone_)
    add(*gone.endpoint, gone.since);
}

// --- the list ----------------------------------------------------------------------------------

void Group::check(const std::vector<Upstream::Endpoint>& endpoints) const {
  std::set<std::string> keys;
  for (const Upstream::Endpoint& endpoint : endpoints) {
    const std::string text = endpoint.url.to_string();
    if (!endpoint.url.is_absolute()) {
      throw std::invalid_argument("endpoint '" + text + "' has no host");
    }
    if (endpoint.url.target() != "/") {
      throw std::invalid_argument("endpoint '" + text +
                                  "' has a path, but the path comes from the request");
    }
    if (!std::isfinite(endpoint.weight) || endpoint.weight < 0) {
      throw std::invalid_argument("endpoint '" + text +
                                  "': the weight must be finite and at least 0");
    }
    if (!keys.insert(Endpoint::key_of(endpoint)).second) {
      throw std::invalid_argument("endpoint '" + text + "' is named twice");
    }
  }
}

transport::NamedOrigins Group::origins_of(const MemberList& members) const {
  std::vector<std::string> keys;
  keys.reserve(members.size());
  for (const Member& member : members)
    keys.push_back(transport::origin_key(member.endpoint->url, member.endpoint->connect_address));
  return {detail::TransportAccess::shared(*options_.transport), std::move(keys)};
}

void Group::update(std::vector<Upstream::Endpoint> endpoints, Time now, Arrival arrival) {
  check(endpoints);
  transport::NamedOrigins before;  // released after the mutex
  const std::lock_guard lock(mutex_);
  if (members_->empty()) arrival = Arrival::with_the_start;
  // Includes removed endpoints, because a name server may leave some out of each response.
  std::unordered_map<std::string_view, Gone> known;
  for (const Member& member : *members_)
    known.emplace(member.endpoint->key, Gone{member.endpoint, now});
  for (const Gone& gone : gone_) {
    const bool is_known = now - gone.since < kRemembered || has_requests(*gone.endpoint);
    if (is_known) known.emplace(gone.endpoint->key, gone);
  }
  auto members = std::make_shared<MemberList>();
  members->reserve(endpoints.size());
  for (const Upstream::Endpoint& named : endpoints) {
    const auto found = known.extract(Endpoint::key_of(named));
    std::shared_ptr<Endpoint> endpoint =
        found ? found.mapped().endpoint : make_endpoint(named, now, arrival);
    std::uint64_t cookie = 0;
    if (!options_.sticky.name.empty()) {
      cookie = net::keyed_hash(options_.sticky.key, endpoint->key);
    }
    members->push_back(Member{std::move(endpoint), named.weight, named.backup, cookie});
  }
  std::vector<Gone> gone;
  for (const auto& [key, one] : known)
    gone.push_back(one);
  std::ranges::sort(gone, std::greater(), &Gone::since);
  std::size_t idle = 0;
  std::erase_if(gone, [&idle](const Gone& one) {
    return !has_requests(*one.endpoint) && ++idle > kMaxRemembered;
  });
  if (!is_retired_) before = std::exchange(origins_, origins_of(*members));
  gone_ = std::move(gone);
  named_ = std::move(endpoints);
  members_ = std::move(members);
  generation_.fetch_add(1, std::memory_order_release);
}

void Group::retire() noexcept {
  transport::NamedOrigins before;  // released after the mutex
  const std::lock_guard lock(mutex_);
  is_retired_ = true;
  before = std::exchange(origins_, {});
}

std::shared_ptr<Endpoint> Group::make_endpoint(const Upstream::Endpoint& named,
                                               Time now,
                                               Arrival arrival) const {
  auto endpoint = std::make_shared<Endpoint>(named, now);
  if (arrival == Arrival::later && is_checked()) {
    endpoint->become(Condition::awaited, now);
  } else if (arrival == Arrival::later) {
    endpoint->start(now);
  }
  return endpoint;
}

std::shared_ptr<const MemberList> Group::members() const {
  const std::lock_guard lock(mutex_);
  return members_;
}

SetCookie Group::cookie_of(std::uint64_t value, bool is_secure) const {
  return upstream::cookie_of(options_.sticky.name, value, is_secure);
}

// An endpoint in slow start becomes "up" at the end of the slow start, not at its beginning.
Upstream::Status Group::status_of(const Upstream::Endpoint& named,
                                  const Endpoint& endpoint,
                                  Time now) const {
  Upstream::Status status{.endpoint = named};
  status.requests = endpoint.load.requests.load(std::memory_order_relaxed);
  status.requests_total = endpoint.load.total.load(std::memory_order_relaxed);
  status.failures_total = endpoint.failures_total.load(std::memory_order_relaxed);
  status.ejections_total = endpoint.ejections_total.load(std::memory_order_relaxed);
  status.checks_good_total = endpoint.checks_good_total.load(std::memory_order_relaxed);
  status.checks_failed_total = endpoint.checks_failed_total.load(std::memory_order_relaxed);
  status.checks_draining_total = endpoint.checks_draining_total.load(std::memory_order_relaxed);
  status.since = endpoint.since();
  auto [text, at] = endpoint.last_failure();
  status.last_failure = std::move(text);
  status.last_failure_at = at;
  switch (endpoint.condition()) {
    case Condition::usable:
      if (now - endpoint.usable_since() < options_.slow_start) {
        status.state = Upstream::State::starting;
      } else {
        status.state = Upstream::State::up;
        status.since = std::max(status.since, endpoint.usable_since() + options_.slow_start);
      }
      break;
    case Condition::ejected:
    case Condition::trying:
      status.state = Upstream::State::ejected;
      break;
    case Condition::awaited:
    case Condition::down:
      status.state = Upstream::State::down;
      break;
    case Condition::leaving:
      status.state = Upstream::State::draining;
      break;
  }
  return status;
}

std::vector<Upstream::Status> Group::statuses(Time now) const {
  const std::lock_guard lock(mutex_);
  std::vector<Upstream::Status> all;
  for (std::size_t i = 0; i < named_.size(); ++i)
    all.push_back(status_of(named_[i], *(*members_)[i].endpoint, now));
  for (const auto& [endpoint, since] : gone_) {
    if (!has_requests(*endpoint)) continue;
    Upstream::Endpoint named(endpoint->url);
    named.connect_address = endpoint->connect_address;
    all.push_back(status_of(named, *endpoint, now));
    all.back().state = Upstream::State::draining;
    all.back().since = since;
  }
  return all;
}

// --- health ------------------------------------------------------------------------------------

void Group::on_success(Endpoint& endpoint, bool was_passed_over, Time now) {
  const auto ends_ejection = [&endpoint, was_passed_over] {
    const Condition condition = endpoint.condition();
    return condition == Condition::trying || (condition == Condition::ejected && was_passed_over);
  };
  endpoint.window.add_success();
  if (!ends_ejection()) [[likely]]
    return;
  {
    const std::lock_guard lock(mutex_);
    if (!ends_ejection()) return;
    endpoint.become(Condition::usable, now);
  }
  report(endpoint, "is up again");
}

void Group::on_failure(Endpoint& endpoint, std::string_view reason, Time now) {
  endpoint.failures_total.fetch_add(1, std::memory_order_relaxed);
  endpoint.set_last_failure({std::string(reason), now});
  const bool is_too_much = endpoint.window.add_failure();
  if (!is_too_much && endpoint.condition() != Condition::trying) return;
  if (try_to_eject(endpoint, now)) report(endpoint, "is ejected: " + std::string(reason));
}

bool Group::try_to_eject(Endpoint& endpoint, Time now) {
  const std::lock_guard lock(mutex_);
  const Condition before = endpoint.condition();
  const bool was_usable = before == Condition::usable;
  if (was_usable ? !may_eject(endpoint) : before != Condition::trying) return false;
  endpoint.eject(now, io::deadline_after(now, next_eject_time(endpoint, now)));
  return was_usable;
}

// At most half of the endpoints of the list may be ejected, and never the last usable one.
bool Group::may_eject(const Endpoint& endpoint) const noexcept {
  std::size_t ejected = 0;
  std::size_t others = 0;
  bool is_listed = false;
  for (const Member& member : *members_) {
    const Condition condition = member.endpoint->condition();
    if (is_passed_over(condition)) ++ejected;
    if (member.endpoint.get() == &endpoint) {
      is_listed = true;
    } else if (condition == Condition::usable && member.weight > 0) {
      ++others;
    }
  }
  return is_listed && others > 0 && (ejected + 1) * 2 <= members_->size();
}

// Returns a time that doubles with each ejection, until the endpoint has worked for max_eject_time.
Duration Group::next_eject_time(Endpoint& endpoint, Time now) {
  const bool has_worked = endpoint.condition() == Condition::usable &&
                          now - endpoint.usable_since() >= options_.max_eject_time;
  if (has_worked) endpoint.ejections_in_a_row = 0;
  const Duration max = options_.max_eject_time;
  Duration time = std::min(options_.eject_time, max);
  for (unsigned i = 0; i < endpoint.ejections_in_a_row && time > Duration::zero() && time < max;
       ++i)
    time = time > max / 2 ? max : 2 * time;
  ++endpoint.ejections_in_a_row;
  std::uniform_real_distribution<double> share(1 - kEjectJitter, 1);
  return std::chrono::duration_cast<Duration>(time * share(random_));
}

void Group::end_trial(Endpoint& endpoint, Time now) {
  const std::lock_guard lock(mutex_);
  if (endpoint.condition() == Condition::trying) endpoint.allow_trial(now);
}

void Group::on_check(Endpoint& endpoint, Condition found, std::string_view reason, Time now) {
  std::string event;
  {
    const std::lock_guard lock(mutex_);
    const Condition before = endpoint.condition();
    // The requests decide how long an ejection lasts.
    if (before == found || (found == Condition::usable && is_passed_over(before))) return;
    endpoint.become(found, now);
    if (found == Condition::usable) {
      event = before == Condition::awaited ? "is up" : "is up again";
    } else if (found == Condition::leaving) {
      event = "is draining";
    } else {
      endpoint.set_last_failure({std::string(reason), now});
      event = "is down: " + std::string(reason);
    }
  }
  report(endpoint, event);
}

void Group::report(const Endpoint& endpoint, std::string_view event) const {
  if (options_.on_change) {
    options_.on_change("endpoint " + endpoint.key + " " + std::string(event));
  }
}

}  // namespace onehop::upstream
