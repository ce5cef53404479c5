// SPDX-License-Identifier: Apache-2.0
#include "acme/renewer.hpp"

#include "acme/renewal.hpp"

#include <algorithm>
#include <exception>
#include <random>
#include <utility>

namespace onehop::acme {
namespace {

constexpr std::chrono::hours kBetweenUrgent(6);
constexpr std::chrono::minutes kImpatience(15);
constexpr std::chrono::hours kMaxAdviceAhead(25);  // a later time was set by a clock that was wrong
constexpr std::chrono::hours kStray(24);
constexpr std::string_view kRenewRequest = "renew-";

double random_of_machine() {
  static std::mt19937_64 engine(std::random_device{}());  // used on the thread of run() only
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

std::string day_of(WallTime time) {
  return to_rfc3339(time);
}

}  // namespace

Renewer::Renewer(std::unique_ptr<CertificateStore> store, Hooks hooks, Times times)
    : store_(std::move(store)),
      hooks_(std::move(hooks)),
      times_(times),
      sites_(*store_, hooks_.now),
      challenges_(std::make_shared<Challenges>(hooks_.now)),
      settings_(std::make_shared<const RenewerSettings>()) {
  if (!hooks_.random) hooks_.random = &random_of_machine;
}

Renewer::~Renewer() = default;

void Renewer::set(RenewerSettings settings) {
  challenges_->set_names(settings.names);
  const std::lock_guard lock(mutex_);
  settings_ = std::make_shared<const RenewerSettings>(std::move(settings));
}

std::shared_ptr<const RenewerSettings> Renewer::settings() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

std::vector<SiteStatus> Renewer::status() const {
  const WallTime at = now();
  std::vector<SiteStatus> all;
  for (const Site& site : sites_.get(settings()->names)) {
    SiteStatus status{.name = site.name,
                      .sha256 = site.facts.sha256,
                      .has_certificate = !site.is_placeholder,
                      .not_before = site.facts.not_before,
                      .not_after = site.facts.not_after,
                      .authority = shown_authority(site.state.authority),
                      .renew_at = site.state.renew_at,
                      .urgency = Urgency::none,
                      .failures = site.state.failures,
                      .problem = site.state.problem,
                      .next_attempt = site.state.next_attempt};
    if (status.has_certificate && status.renew_at && *status.renew_at <= at)
      status.urgency = urgency_of({site.facts.not_before, site.facts.not_after}, at);
    all.push_back(std::move(status));
  }
  return all;
}

// Replaces the state if it is about another certificate: another program has written the
// certificate, or another process whose state is not here yet.
void Renewer::adopt_certificate(const Site& site) {
  if (site.is_placeholder || site.state.certificate == site.facts.sha256) return;
  RenewalState state;
  state.authority = site.state.authority;
  state.certificate = site.facts.sha256;
  state.renew_at = renewal_time(Lifetime{site.facts.not_before, site.facts.not_after}, random());
  sites_.adopt(site.name, state);
}

void Renewer::report_problems(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems)
    log(Urgency::error, problem + "; the certificate in use stays");
}

void Renewer::report_urgency(const Site& site) {
  if (site.is_placeholder || !site.state.renew_at || *site.state.renew_at > now()) return;
  const Urgency urgency = urgency_of({site.facts.not_before, site.facts.not_after}, now());
  if (urgency == Urgency::none) return;
  WallTime& said = urged_[site.name];
  if (said <= now() && said + kBetweenUrgent > now()) return;
  said = now();
  std::string line = site.name + ": the certificate is valid until " +
                     day_of(site.facts.not_after) + " and could not be renewed yet";
  if (!site.state.problem.empty()) line += ": " + site.state.problem;
  log(urgency, line);
}

void Renewer::report_urgency(const RenewerSettings& settings) {
  for (const Site& site : sites_.get(settings.names))
    report_urgency(site);
}

void Renewer::refresh(const RenewerSettings& settings) {
  refresh_sites(settings);
  refresh_account();
  refresh_challenges();
}

void Renewer::refresh_sites(const RenewerSettings& settings) {
  std::vector<std::string> problems;
  const bool has_changed = sites_.refresh(settings.names, problems);
  report_problems(problems);
  for (const Site& site : sites_.get(settings.names))
    adopt_certificate(site);
  report_urgency(settings);
  if (has_changed) hooks_.on_change();
}

// Reads the key that another process may have made.
void Renewer::refresh_account() {
  std::string stamp = store_->stamp("account.pem");
  if (stamp.empty() || stamp == account_stamp_) return;
  const auto pem = store_->load("account.pem");
  if (!pem || !*pem) return;
  auto key = PrivateKey::from_pem(**pem);
  if (!key || !key->is_p256()) return;  // ensure_account() reports it
  account_stamp_ = std::move(stamp);
  challenges_->set_thumbprint(thumbprint_of(*key));
  account_ = std::move(*key);
  clients_.clear();
}

// Reads the responses for another process's order. If a file cannot be read, the next look tries
// again.
void Renewer::refresh_challenges() {
  std::string stamp = store_->stamp("challenges/open");
  if (stamp == open_stamp_) return;
  const auto until = store_->load("challenges/open");
  if (!until) return;
  const auto time = *until ? parse_rfc3339(**until) : std::nullopt;
  challenges_->open(time.value_or(WallTime()));
  bool is_whole = true;
  std::map<std::string, std::string, std::less<>> pairs;
  if (time) {
    const auto listed = store_->list("challenges");
    is_whole = listed.has_value();
    for (const std::string& entry : listed.value_or(std::vector<std::string>())) {
      if (!entry.ends_with(".pem")) continue;
      auto pair = store_->load("challenges/" + entry);
      if (!pair) is_whole = false;
      if (pair && *pair) pairs[entry.substr(0, entry.size() - 4)] = std::move(**pair);
    }
  }
  challenges_->set_pairs(std::move(pairs));
  if (is_whole) open_stamp_ = std::move(stamp);
}

NameSet Renewer::requested() const {
  NameSet names;
  const auto listed = store_->list("requests");
  if (!listed) return names;
  for (const std::string& entry : *listed) {
    if (entry.starts_with(kRenewRequest)) names.insert(entry.substr(kRenewRequest.size()));
  }
  return names;
}

bool Renewer::is_due(const Site& site, const RenewerSettings& settings) const {
  const RenewalState& state = site.state;
  // A failure in the future was recorded by a clock that was wrong.
  if (state.next_attempt && state.last_attempt && *state.last_attempt <= now()) {
    WallTime next = *state.next_attempt;
    if (impatient_.contains(site.name)) next = std::min(next, *state.last_attempt + kImpatience);
    if (next > now()) return false;
  }
  // A renewal that was requested early and has failed is still wanted.
  if (site.is_placeholder || state.failures > 0) return true;
  const bool is_foreign =
      !state.authority.empty() &&
      std::ranges::find(settings.authorities, state.authority) == settings.authorities.end();
  // Only once after a change of the settings, because another process may want the other authority:
  // each would replace the other's certificate for ever.
  if (is_foreign && impatient_.contains(site.name)) return true;
  if (!state.renew_at || *state.renew_at > now()) return false;
  // Otherwise a clock that is ahead, or an authority that always advises to renew, would cause
  // endless orders.
  const WallTime obtained = state.obtained.value_or(WallTime());
  return obtained > now() || obtained + until_next_order(obtained, site.facts.not_after) <= now();
}

bool Renewer::wants_advice(const Site& site, const RenewerSettings& settings) const {
  if (site.is_placeholder || site.facts.renewal_id.empty()) return false;
  const auto next = site.state.next_advice;
  if (next && *next > now() && *next - now() <= kMaxAdviceAhead) return false;
  return std::ranges::find(settings.authorities, site.state.authority) !=
         settings.authorities.end();
}

Renewer::Due Renewer::due(const RenewerSettings& settings) const {
  Due due;
  const NameSet asked = requested();
  for (const Site& site : sites_.get(settings.names)) {
    if (asked.contains(site.name)) {
      due.requested.insert(site.name);
    } else if (is_due(site, settings)) {
      due.renewals.insert(site.name);
    } else if (wants_advice(site, settings)) {
      due.questions.insert(site.name);
    }
  }
  return due;
}

// Removes requests for names that are not in the settings, after kStray: another process with this
// store may have the name and act on it.
void Renewer::forget_stray_requests(const RenewerSettings& settings) {
  NameSet strays = requested();
  for (const std::string& name : settings.names)
    strays.erase(name);
  std::erase_if(strays_, [&](const auto& one) { return !strays.contains(one.first); });
  for (const std::string& name : strays) {
    const auto known = strays_.emplace(name, now()).first;
    if (known->second + kStray < now()) forget_request(name);
  }
}

bool Renewer::try_lock() {
  auto lock = store_->try_lock();
  std::string problem = lock ? std::string() : std::string(lock.error().detail());
  if (!problem.empty() && problem != lock_problem_)
    log(Urgency::error, problem + "; nothing is renewed until that is repaired");
  lock_problem_ = std::move(problem);
  if (lock) lock_ = std::move(*lock);
  return lock_ != nullptr;
}

task<void> Renewer::run() {
  for (;;) {
    std::string problem;
    try {
      co_await look();
    } catch (const std::exception& error) {  // ends this look; the next one starts from scratch
      problem = error.what();
    }
    lock_.reset();
    if (!problem.empty()) log(Urgency::error, "certificates: " + problem);
    co_await sleep_for(times_.look);
  }
}

task<void> Renewer::look() {
  const auto current = settings();
  if (current != acted_on_) {
    acted_on_ = current;
    impatient_ = current->names;
    clients_.clear();
    transport_.reset();
  }
  refresh(*current);
  forget_stray_requests(*current);
  const auto found = std::make_shared<const Due>(due(*current));
  if (found->is_empty() || !try_lock()) co_return;
  // Another process may have done it between the look and the lock.
  refresh(*current);
  const auto still = std::make_shared<const Due>(due(*current));
  co_await act(current, still);
  lock_.reset();
}

task<void> Renewer::act(std::shared_ptr<const RenewerSettings> settings,
                        std::shared_ptr<const Due> due) {
  Scope work;
  Scope heart;  // destroyed first, because it refers to `work`
  heart.spawn(keep_lock(&work));
  heart.spawn(refresh_meanwhile(settings));
  work.spawn(act_on(std::move(settings), std::move(due)));
  co_await work.join();
}

// Renews the lock, and cancels the work at once if the right to renew is lost.
task<void> Renewer::keep_lock(Scope* work) {
  for (;;) {
    co_await sleep_for(times_.beat);
    const auto renewed = lock_->renew();
    if (renewed && *renewed) continue;
    if (renewed) {
      log(Urgency::warning, store_->place() +
                                ": another process has taken the lock, so this one renews "
                                "nothing; the certificates in use stay");
    } else {
      log(Urgency::error, std::string(renewed.error().detail()) +
                              "; without the lock this process renews nothing, and the "
                              "certificates in use stay");
    }
    work->cancel();
    co_return;
  }
}

// Serves what other programs put into the store, and repeats the warnings, while an order is in
// progress, which an authority may keep waiting.
task<void> Renewer::refresh_meanwhile(std::shared_ptr<const RenewerSettings> settings) {
  for (;;) {
    co_await sleep_for(times_.look);
    refresh_sites(*settings);
  }
}

// Returns whether the settings are others, or a name was requested, since `due` was found.
bool Renewer::is_overtaken(const Due& due, const RenewerSettings& settings) const {
  if (this->settings().get() != &settings) return true;
  return std::ranges::any_of(requested(), [&](const std::string& name) {
    return settings.names.contains(name) && !due.requested.contains(name);
  });
}

// Ends early if a look would find other work.
task<void> Renewer::act_on(std::shared_ptr<const RenewerSettings> settings,
                           std::shared_ptr<const Due> due) {
  for (const std::string& name : due->requested) {
    if (is_overtaken(*due, *settings)) co_return;
    co_await renew(settings, name);
  }
  for (const std::string& name : due->renewals) {
    if (is_overtaken(*due, *settings)) co_return;
    if (is_due(sites_.get(name), *settings)) co_await renew(settings, name);
  }
  for (const std::string& name : due->questions) {
    if (is_overtaken(*due, *settings)) co_return;
    co_await ask_advice(settings, name);
  }
}

}  // namespace onehop::acme
