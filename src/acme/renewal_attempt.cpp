// SPDX-License-Identifier: Apache-2.0
//
// How a Renewer gets a certificate while it has the right to renew.
#include "acme/renewal.hpp"
#include "acme/renewer.hpp"
#include "acme/words.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace onehop::acme {
namespace {

constexpr std::chrono::hours kOpen(24);
constexpr std::chrono::hours kAfterNoAdvice(1);
// More bytes than a pair has.
constexpr std::size_t kRoom = 32UL * 1024;
constexpr std::size_t kMaxProblem = 1000;
constexpr double kLatest = 0.9;  // share of the lifetime

}  // namespace

struct Renewer::Attempt {
  Attempt(std::shared_ptr<const RenewerSettings> all, std::string site, std::string directory)
      : settings(std::move(all)), name(std::move(site)), authority(std::move(directory)) {}

  std::shared_ptr<const RenewerSettings> settings;
  std::string name;
  std::string authority;
  std::string challenge;  // the type
};

// Responds to challenges of one type until it is destroyed.
class Renewer::Responder final : public ChallengeResponder {
 public:
  Responder(Renewer& renewer, std::string type) : renewer_(renewer), type_(std::move(type)) {}
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder() override {
    if (!is_open_) return;
    open_.remove(*renewer_.store_);
    pair_.remove(*renewer_.store_);
    renewer_.challenges_->open(WallTime());
    renewer_.challenges_->set_pairs({});
    renewer_.open_stamp_.clear();
  }

  bool accepts(std::string_view type) const override { return type == type_; }

  task<Result<void>> prepare(std::string_view type,
                             std::string_view name,
                             std::string_view key_authorization) override {
    auto opened = open(type, std::string(name), key_authorization);
    if (!opened) co_return opened;
    co_await sleep_for(renewer_.times_.share);
    co_return Result<void>();
  }

 private:
  // An entry of this order. After the lock is lost, the next holder may have replaced it by its
  // own.
  struct Saved {
    std::string name;
    std::string stamp;

    Result<void> save(CertificateStore& store, std::string entry, std::string_view content) {
      name = std::move(entry);
      auto saved = store.save(name, content);
      if (saved) stamp = store.stamp(name);
      return saved;
    }
    void remove(CertificateStore& store) const {
      if (!stamp.empty() && store.stamp(name) == stamp) (void)store.remove(name);
    }
  };

  Result<void> open(std::string_view type, const std::string& name, std::string_view answer) {
    const WallTime now = renewer_.now();
    is_open_ = true;
    if (type == "tls-alpn-01") {
      auto pair = make_challenge_pair(name, answer, now);
      if (!pair) return failure(pair.error());
      auto saved = pair_.save(*renewer_.store_, "challenges/" + name + ".pem", *pair);
      if (!saved) return saved;
      renewer_.challenges_->set_pairs({{name, std::move(*pair)}});
    }
    const WallTime until = now + kOpen;
    auto saved = open_.save(*renewer_.store_, "challenges/open", to_rfc3339(until));
    if (!saved) return saved;
    renewer_.open_stamp_ = open_.stamp;
    renewer_.challenges_->open(until);
    return {};
  }

  Renewer& renewer_;
  const std::string type_;
  Saved open_;
  Saved pair_;
  bool is_open_ = false;
};

Result<void> Renewer::ensure_account() {
  refresh_account();
  if (account_) return {};
  auto pem = store_->load("account.pem");
  if (!pem) return failure(pem.error());
  if (*pem) {
    return failure(Errc::bad_option, Side::local,
                   store_->place() + "/account.pem: this is not an ECDSA key on P-256 in PEM form");
  }
  auto key = PrivateKey::generate();
  if (!key) return failure(key.error());
  auto text = key->to_pem();
  if (!text) return failure(text.error());
  if (auto saved = store_->save("account.pem", *text); !saved) return saved;
  refresh_account();
  return {};
}

Client& Renewer::client_of(const RenewerSettings& settings, const std::string& authority) {
  if (!transport_) transport_ = hooks_.make_transport();
  std::unique_ptr<Client>& client = clients_[authority];
  if (!client) {
    Client::Options options;
    options.directory = authority;
    options.email = settings.email;
    options.external = settings.external;
    options.profile = settings.profile;
    options.patience = times_.patience;
    options.first_look = times_.first_look_at_order;
    options.now = hooks_.now;
    client = std::make_unique<Client>(transport_, *account_, std::move(options));
  }
  return *client;
}

void Renewer::save_state(const std::string& name, const RenewalState& state) {
  if (auto saved = sites_.put(name, state); !saved)
    log(Urgency::error, std::string(saved.error().detail()));
}

void Renewer::log_terms(const std::string& authority, const std::string& terms) {
  if (terms.empty() || !terms_logged_.insert(authority).second) return;
  log(Urgency::none,
      "--acme agrees to the terms of service of " + shown_authority(authority) + ": " + terms);
}

// Serves the certificate even if it cannot be saved.
Result<void> Renewer::accept(const Attempt& attempt, std::string chain, const PrivateKey& key) {
  auto pair = make_pair(key, chain, attempt.name);
  if (!pair) return failure(pair.error());
  auto facts = facts_of(*pair);
  if (!facts) return failure(facts.error());
  if (facts->not_after <= now()) {
    return failure(Errc::bad_response, Side::upstream,
                   "the authority sent a certificate that has expired, by the clock of this "
                   "machine: " +
                       to_rfc3339(facts->not_after));
  }
  RenewalState state;
  state.authority = attempt.authority;
  state.certificate = facts->sha256;
  state.obtained = now();
  state.renew_at = renewal_time(Lifetime{facts->not_before, facts->not_after}, random());
  log(Urgency::none, attempt.name + ": a certificate of " + shown_authority(attempt.authority) +
                         ", valid until " + to_rfc3339(facts->not_after));
  auto saved = sites_.put(attempt.name, std::move(*pair), std::move(*facts));
  if (!saved) {
    log(Urgency::error,
        std::string(saved.error().detail()) + "; the new certificate is in memory only");
  }
  save_state(attempt.name, state);
  ++obtained_;
  hooks_.on_change();
  return {};
}

// An exception is a failure, too: it delays this name, but not the others.
task<Result<void>> Renewer::attempt(Attempt* attempt) {
  try {
    co_return co_await attempt_or_throw(attempt);
  } catch (const std::exception& error) {
    co_return failure(Errc::bad_option, Side::local, std::string(error.what()));
  }
}

task<Result<void>> Renewer::attempt_or_throw(Attempt* attempt) {
  const RenewerSettings& settings = *attempt->settings;
  // A certificate that cannot be saved would be ordered again and again, so this checks for room.
  auto room = store_->save("requests/room", std::string(kRoom, '\n'));
  if (!room) co_return room;
  (void)store_->remove("requests/room");
  auto account = ensure_account();
  if (!account) co_return account;
  auto key = PrivateKey::generate(settings.key_kind);
  if (!key) co_return failure(key.error());
  const Site site = sites_.get(attempt->name);
  const bool is_renewal = !site.is_placeholder && site.state.authority == attempt->authority;
  const Client::Wanted wanted(std::vector<std::string>(1, attempt->name),
                              is_renewal ? site.facts.renewal_id : std::string());
  Client& client = client_of(settings, attempt->authority);
  Responder responder(*this, attempt->challenge);
  auto chain = co_await with_timeout(times_.longest, client.obtain(wanted, *key, responder));
  log_terms(attempt->authority, client.terms());
  if (!chain) {
    Error& error = chain.error();
    const bool is_of_all = error.is(Errc::timed_out) && error.detail().empty();
    co_return failure(is_of_all ? error.with("while the authority issued a certificate") : error);
  }
  co_return accept(*attempt, std::move(*chain), *key);
}

void Renewer::record_failure(const std::string& name,
                             std::string_view problem,
                             std::optional<std::chrono::seconds> retry_after) {
  ++failed_;
  const Site site = sites_.get(name);
  RenewalState state = site.state;
  ++state.failures;
  state.last_attempt = now();
  state.next_attempt = now() + until_next_attempt(state.failures, retry_after, random());
  state.problem = beginning_of(problem, kMaxProblem);
  save_state(name, state);
  Urgency level = Urgency::error;
  if (!site.is_placeholder)
    level = std::max(Urgency::warning,
                     urgency_of({site.facts.not_before, site.facts.not_after}, now()));
  log(level, name + ": no certificate: " + state.problem + "; the next attempt is at " +
                 to_rfc3339(*state.next_attempt) + ", or by `onehop acme renew " + name + "`");
}

// Returns the authorities that may be asked about a name: those without a Retry-After to wait for,
// or all if each has one. A request or a change of the settings ends the waits.
std::vector<std::string> Renewer::open_authorities(const RenewerSettings& settings,
                                                   const std::string& name) {
  std::map<std::string, WallTime>& waits = waits_[name];
  if (impatient_.contains(name) || !store_->stamp("requests/renew-" + name).empty()) waits.clear();
  std::erase_if(waits, [this](const auto& one) { return one.second <= now(); });
  std::vector<std::string> open;
  for (const std::string& authority : settings.authorities) {
    if (!waits.contains(authority)) open.push_back(authority);
  }
  return open.empty() ? settings.authorities : open;
}

// Returns how long until the first authority may be asked again; std::nullopt if one of them sent
// no Retry-After.
std::optional<std::chrono::seconds> Renewer::shortest_wait(const RenewerSettings& settings,
                                                           const std::string& name) {
  std::optional<WallTime> first;
  for (const std::string& authority : settings.authorities) {
    const auto found = waits_[name].find(authority);
    if (found == waits_[name].end()) return std::nullopt;
    first = first ? std::min(*first, found->second) : found->second;
  }
  if (!first) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(*first - now());
}

task<void> Renewer::renew(std::shared_ptr<const RenewerSettings> settings, std::string name) {
  std::string problem;
  const std::vector<std::string> authorities = open_authorities(*settings, name);
  for (const std::string& authority : authorities) {
    for (const std::string& challenge : settings->challenges) {
      Attempt attempt(settings, name, authority);
      attempt.challenge = challenge;
      auto done = co_await this->attempt(&attempt);
      if (done) {
        forget_request(name);
        co_return;
      }
      if (!problem.empty()) problem += "; ";
      problem += words_of(done.error());
      const auto client = clients_.find(authority);
      if (client == clients_.end()) break;
      const Client::Refusal refusal = client->second->refusal();
      if (refusal.retry_after) waits_[name][authority] = now() + *refusal.retry_after;
      if (refusal.is_about_challenge) continue;
      clients_.erase(client);  // its directory may be out of date
      break;
    }
  }
  record_failure(name, problem, shortest_wait(*settings, name));
  forget_request(name);
  forget_transport();
}

// Called after a failure: the file of trusted authorities may have changed since it was read.
void Renewer::forget_transport() {
  clients_.clear();
  transport_.reset();
}

// Called last, so that a process that is killed leaves the request to the next one, and one that
// loses the lock still follows a change of its settings.
void Renewer::forget_request(const std::string& name) {
  impatient_.erase(name);
  (void)store_->remove("requests/renew-" + name);
}

task<void> Renewer::ask_advice(std::shared_ptr<const RenewerSettings> settings, std::string name) {
  auto account = ensure_account();
  if (!account) co_return;
  const Site site = sites_.get(name);
  Client& client = client_of(*settings, site.state.authority);
  auto advice = co_await client.advice(site.facts.renewal_id);
  RenewalState state = site.state;
  const auto asked_again =
      advice && *advice ? (*advice)->retry_after : client.refusal().retry_after;
  state.next_advice = now() + (advice ? until_next_advice(asked_again)
                                      : std::max(until_next_advice(asked_again),
                                                 std::chrono::seconds(kAfterNoAdvice)));
  if (!advice) {
    log(Urgency::none,
        name + ": no renewal information from the authority: " + advice.error().to_string());
    forget_transport();
  } else if (*advice && state.window != (*advice)->window) {
    const RenewalWindow& window = (*advice)->window;
    const Lifetime life{site.facts.not_before, site.facts.not_after};
    const std::chrono::duration<double> latest = (life.end - life.begin) * kLatest;
    state.window = window;
    state.renew_at = std::min(renewal_time(window, random()),
                              life.begin + std::chrono::duration_cast<WallTime::duration>(latest));
    std::string line = name + ": the authority advises to renew from " + to_rfc3339(window.start) +
                       " to " + to_rfc3339(window.end);
    if (!window.explanation.empty()) line += ", see " + window.explanation;
    log(Urgency::none, line);
  }
  save_state(name, state);
}

}  // namespace onehop::acme
