// SPDX-License-Identifier: Apache-2.0
#include "upstream/discovery.hpp"

#include "base/check.hpp"
#include "net/address.hpp"
#include "net/name_servers.hpp"
#include "transport/transport_access.hpp"
#include "upstream/found_endpoints.hpp"

#include <algorithm>
#include <new>
#include <optional>
#include <set>
#include <utility>

namespace onehop::upstream {
namespace {

// The maximum number of addresses of one name; the others are not used.
constexpr std::size_t kMaxAddresses = 1000;
constexpr Duration kTryTimeout = std::chrono::milliseconds(1500);
constexpr int kTries = 3;
// How often the expiry of the names is checked.
constexpr Duration kExpiryInterval = std::chrono::milliseconds(200);

bool is_name(const Url& url) {
  return url.scheme() != "unix" && !net::Address::from_ip(url.host(), 0);
}

std::string name_servers_of(const Group& group) {
  const auto& transport = detail::TransportAccess::options(*group.options().transport);
  return net::list_of_name_servers(transport.dns_servers);
}

}  // namespace

// The look-ups of one upstream. Runs in the loop.
class Discovery::Job {
 public:
  Job(std::shared_ptr<Group> group, const Upstream::Options& options)
      : group_(std::move(group)), servers_(name_servers_of(*group_)) {
    for (const Upstream::Endpoint& endpoint : options.endpoints) {
      const bool follows = options.resolve == Upstream::Resolve::each && is_name(endpoint.url) &&
                           endpoint.connect_address.empty();
      if (follows) {
        sources_.push_back({.found = FoundEndpoints(endpoint)});
      } else {
        fixed_.push_back(endpoint);
      }
    }
    for (const std::string& service : options.services)
      sources_.push_back({.found = FoundEndpoints(service)});
  }

  void begin() {
    io::Reactor& reactor = io::Reactor::current();
    dns_.emplace(reactor, net::DnsChannel::Options{.servers = servers_,
                                                   .try_timeout = kTryTimeout,
                                                   .tries = kTries,
                                                   .max_addresses = kMaxAddresses});
    timer_.emplace(io::call<&Job::look>(this));
    look();
  }
  void end() noexcept {
    timer_.reset();
    dns_.reset();
  }

 private:
  struct Source {
    FoundEndpoints found;
    bool is_asking = false;
  };

  // Queries the names that have expired.
  void look() {
    io::Reactor& reactor = io::Reactor::current();
    reactor.timers().arm(*timer_, reactor.now() + kExpiryInterval);
    for (Source& source : sources_) {
      if (source.is_asking || reactor.now() < source.found.next()) continue;
      source.is_asking = true;
      try {
        ask(source);
      } catch (const std::bad_alloc&) {
        source.is_asking = false;
      }
    }
  }
  // The reference stays valid: sources do not move, and the channel, which ends its queries, is
  // destroyed before them.
  void ask(Source& source) {
    if (source.found.is_service()) {
      dns_->query_service(source.found.name(),
                          [this, &source](const auto& answer) { take(source, answer); });
    } else {
      dns_->query(source.found.name(), [this, &source](const auto& answer) {
        if (answer.is_late && source.is_asking) return;  // a later query decides
        take(source, answer);
      });
    }
  }
  template <class Answer>
  void take(Source& source, const Answer& answer) {
    source.is_asking = false;
    try {
      const Time now = io::Reactor::current().now();
      const std::string warning = source.found.take(answer, now);
      const auto& on_change = group_->options().on_change;
      if (!warning.empty() && on_change) on_change(warning);
      apply(now);
    } catch (const std::bad_alloc&) {  // the list stays as it was until the next response
    }
  }
  void apply(Time now) {
    std::vector<Upstream::Endpoint> all = fixed_;
    std::set<std::string> keys;
    for (const Upstream::Endpoint& endpoint : fixed_)
      keys.insert(Endpoint::key_of(endpoint));
    for (const Source& source : sources_) {
      for (const Upstream::Endpoint& endpoint : source.found.endpoints()) {
        if (keys.insert(Endpoint::key_of(endpoint)).second) all.push_back(endpoint);
      }
    }
    if (all == applied_) return;
    group_->update(all, now, has_started_ ? Arrival::later : Arrival::with_the_start);
    applied_ = std::move(all);
    has_started_ =
        std::ranges::all_of(sources_, [](const Source& each) { return each.found.is_known(); });
  }

  const std::shared_ptr<Group> group_;
  const std::string servers_;
  std::vector<Upstream::Endpoint> fixed_;
  std::vector<Source> sources_;
  std::vector<Upstream::Endpoint> applied_;
  bool has_started_ = false;  // each name has had a good response
  std::optional<net::DnsChannel> dns_;
  std::optional<io::Timer> timer_;
};

Discovery::Discovery(std::shared_ptr<Group> group, const Upstream::Options& options)
    : loop_(BackgroundLoop::get()), job_(std::make_shared<Job>(std::move(group), options)) {
  loop_->run([job = job_.get()] { job->begin(); });
}

Discovery::~Discovery() {
  loop_->run([job = job_.get()] { job->end(); });
}

}  // namespace onehop::upstream
