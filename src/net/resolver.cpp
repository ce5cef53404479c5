// SPDX-License-Identifier: Apache-2.0
#include "net/resolver.hpp"

#include "base/ascii.hpp"
#include "net/address_order.hpp"
#include "net/dns_channel.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

namespace onehop::net {
namespace {

constexpr std::size_t kNamesKept = 1024;
// The maximum number of addresses per name. More are not worth trying.
constexpr std::size_t kMaxAddresses = DnsChannel::kMaxAddresses;

// Queries are rare, so all threads can write to the same counters.
constinit std::atomic<std::uint64_t> queries = 0;
constinit std::atomic<std::uint64_t> stale_answers = 0;

struct Entry {
  std::vector<Address> addresses;  // the last successful response, without port
  std::string failure;             // the failure of the last look-up
  io::Time fresh_until = io::Time::min();
  io::Time refresh_at = io::kNever;  // when to query in the background, before the addresses expire
  // When name servers first reported that the name does not exist, if that was after the last
  // successful response.
  std::optional<io::Time> absent_since;
  io::Time asked{};
  bool is_asking = false;
  IntrusiveList<io::Wakeup> waiting;
};
// A look-up shares ownership of its entry, because it may outlive the resolver: see
// io::WorkerLocal.
using EntryRef = std::shared_ptr<Entry>;

// Waits for the response to the running query, or until `deadline`.
class AnswerAwaiter {
 public:
  AnswerAwaiter(io::Reactor& reactor, Entry& entry, io::Time deadline) noexcept
      : reactor_(reactor),
        entry_(entry),
        deadline_(deadline),
        timer_(io::call<&AnswerAwaiter::fire>(this)) {}
  AnswerAwaiter(const AnswerAwaiter&) = delete;
  AnswerAwaiter& operator=(const AnswerAwaiter&) = delete;

  bool await_ready() const noexcept { return !entry_.is_asking || deadline_ <= reactor_.now(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    wakeup_.set_coroutine(handle);
    entry_.waiting.push_back(wakeup_);
    reactor_.timers().arm(timer_, deadline_);
  }
  void await_resume() const noexcept {}

 private:
  void fire() {
    wakeup_.unlink();
    reactor_.schedule(wakeup_);
  }

  io::Reactor& reactor_;
  Entry& entry_;
  io::Time deadline_;
  io::Timer timer_;
  io::Wakeup wakeup_;
};

std::string lower_case(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), ascii::to_lower);
  return lower;
}

std::vector<Address> with_port(std::vector<Address> addresses, std::uint16_t port) {
  for (Address& address : addresses)
    address.set_port(port);
  return addresses;
}

Result<std::vector<Address>> outcome(const Entry& entry,
                                     std::string_view host,
                                     std::uint16_t port) {
  if (!entry.addresses.empty()) return with_port(entry.addresses, port);
  std::string detail(host);
  detail.append(": ").append(entry.failure);
  return failure(Error(Errc::name_not_resolved, Side::upstream, std::move(detail))
                     .during(Phase::resolve)
                     .retry_safe(true));
}

}  // namespace

struct Resolver::State {
  State(io::Reactor& r, ResolverOptions o)
      : reactor(r),
        options(std::move(o)),
        dns(r,
            DnsChannel::Options{options.servers, options.try_timeout, options.tries,
                                options.configuration}) {}

  Entry* find(std::string_view host) {
    const auto found = entries.find(lower_case(host));
    return found == entries.end() ? nullptr : found->second.get();
  }
  EntryRef entry_of(std::string_view host) {
    if (entries.size() >= kNamesKept) forget_some();
    EntryRef made = std::make_shared<Entry>();
    return entries.try_emplace(lower_case(host), std::move(made)).first->second;
  }
  bool is_fresh(const Entry& entry) const noexcept { return entry.fresh_until > reactor.now(); }

  void forget_some() {
    const auto unused = [](const auto& item) {
      return item.second.use_count() == 1 && !item.second->is_asking;
    };
    std::erase_if(entries, [&](const auto& i) { return unused(i) && !is_fresh(*i.second); });
    if (entries.size() < kNamesKept) return;
    const auto any = std::ranges::find_if(entries, unused);
    if (any != entries.end()) entries.erase(any);
  }

  void ask(const std::string& host, Entry& entry) {
    if (entry.is_asking) return;
    entry.is_asking = true;
    entry.asked = reactor.now();
    try {
      queries.fetch_add(1, std::memory_order_relaxed);
      dns.query(host, [this, name = lower_case(host)](DnsChannel::Answer answer) {
        const auto found = entries.find(name);
        if (found == entries.end()) return;  // the entry was removed before the late family arrived
        if (!answer.is_late) found->second->is_asking = false;
        settle(*found->second, std::move(answer));
      });
    } catch (...) {  // no memory for the query; if set, is_asking would block the name forever
      entry.is_asking = false;
      throw;
    }
  }
  // Refreshes a name in use before it expires, so that its users never wait.
  void refresh_early(const std::string& host, Entry& entry) {
    if (reactor.now() >= entry.refresh_at) ask(host, entry);
  }

  // Records a response. A failure keeps the last successful one, which stays valid until its TTL
  // ends and is used longer if necessary, but not for a name that has ceased to exist.
  void settle(Entry& entry, DnsChannel::Answer answer) {
    const bool has_failed = answer.addresses.empty();
    const io::Duration ttl =
        has_failed ? options.min_ttl : std::clamp(answer.ttl, options.min_ttl, options.max_ttl);
    const io::Time until = io::deadline_after(reactor.now(), ttl);
    entry.failure = std::move(answer.failure);
    if (!has_failed) {
      entry.addresses = take_turns(answer.addresses, kMaxAddresses);
      entry.absent_since.reset();
    } else if (answer.is_absent) {
      if (!entry.absent_since) entry.absent_since = reactor.now();
      if (reactor.now() - *entry.absent_since >= DnsChannel::kAbsenceGrace) entry.addresses.clear();
    }
    const bool has_addresses = !entry.addresses.empty();
    if (!has_failed || until > entry.fresh_until) {
      if (has_failed && has_addresses) stale_answers.fetch_add(1, std::memory_order_relaxed);
      entry.fresh_until = until;
    }
    entry.refresh_at = has_addresses ? until - ttl / 4 : io::kNever;
    while (io::Wakeup* waiter = entry.waiting.pop_front())
      reactor.schedule(*waiter);
  }

  io::Reactor& reactor;
  ResolverOptions options;
  std::unordered_map<std::string, EntryRef> entries;
  DnsChannel dns;
};

ResolverCounts resolver_counts() noexcept {
  return {.queries = queries.load(std::memory_order_relaxed),
          .stale_answers = stale_answers.load(std::memory_order_relaxed)};
}

Resolver& Resolver::of(io::Reactor& reactor, ResolverOptions options) {
  return reactor.local<Resolver>(
      [&] { return std::make_unique<Resolver>(reactor, std::move(options)); });
}

namespace {

// The resolvers of one thread that query other servers than the system's.
struct OtherResolvers final : io::WorkerLocal {
  std::map<std::string, std::unique_ptr<Resolver>> by_servers;
};

}  // namespace

Resolver& Resolver::asking(io::Reactor& reactor, const std::string& servers) {
  if (servers.empty()) return of(reactor);
  auto& others =
      reactor.local<OtherResolvers>([] { return std::make_unique<OtherResolvers>(); }).by_servers;
  const auto found = others.find(servers);
  if (found != others.end()) return *found->second;
  auto made = std::make_unique<Resolver>(reactor, ResolverOptions{.servers = servers});
  return *others.emplace(servers, std::move(made)).first->second;
}

Resolver::Resolver(io::Reactor& reactor, ResolverOptions options)
    : state_(std::make_unique<State>(reactor, std::move(options))) {}

Resolver::~Resolver() = default;

std::optional<std::vector<Address>> Resolver::known(std::string_view host, std::uint16_t port) {
  if (const auto literal = Address::from_ip(host, port)) return std::vector<Address>{*literal};
  Entry* const entry = state_->find(host);
  // The name stands for both loopback addresses, regardless of name servers and /etc/hosts (RFC
  // 6761 §6.3).
  if (!entry && host == "localhost") {
    return std::vector<Address>{*Address::from_ip("127.0.0.1", port),
                                *Address::from_ip("::1", port)};
  }
  if (!entry || entry->addresses.empty() || !state_->is_fresh(*entry)) return std::nullopt;
  state_->refresh_early(std::string(host), *entry);
  return with_port(entry->addresses, port);
}

task<Result<std::vector<Address>>> Resolver::resolve(std::string host, std::uint16_t port) {
  if (auto addresses = known(host, port)) co_return std::move(*addresses);
  State& state = *state_;
  const EntryRef shared = state.entry_of(host);
  Entry& entry = *shared;
  if (!state.is_fresh(entry)) {
    state.ask(host, entry);
    // Without an old response, only the query's own timeouts end the wait.
    const io::Time deadline = entry.addresses.empty()
                                  ? io::kNever
                                  : io::deadline_after(entry.asked, state.options.patience);
    AnswerAwaiter answer(state.reactor, entry, deadline);
    co_await answer;
    if (!entry.addresses.empty() && !state.is_fresh(entry)) {
      stale_answers.fetch_add(1, std::memory_order_relaxed);
    }
  }
  co_return outcome(entry, host, port);
}

void Resolver::remember(std::string_view host, std::vector<Address> addresses, io::Duration ttl) {
  const EntryRef entry = state_->entry_of(host);
  DnsChannel::Answer answer;
  answer.addresses = std::move(addresses);
  answer.ttl = ttl;
  state_->settle(*entry, std::move(answer));
}

}  // namespace onehop::net
