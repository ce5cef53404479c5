// SPDX-License-Identifier: Apache-2.0
//
// Renewer gets certificates and renews them: once a second it checks the store and the clock. Of
// the processes that share a store only one acts at a time, and the others use the certificates
// that it gets. If anything fails, the certificates in use stay.
//
// run() belongs to one thread. Functions that are marked so may be called from any thread.
#pragma once

#include <onehop/error.hpp>
#include <onehop/round_tripper.hpp>
#include <onehop/scope.hpp>
#include <onehop/task.hpp>

#include "acme/certificate_store.hpp"
#include "acme/challenges.hpp"
#include "acme/client.hpp"
#include "acme/site_status.hpp"
#include "acme/sites.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::acme {

struct RenewerSettings {
  NameSet names;
  std::string email = {};
  // The URLs of directories. A later one is used if the earlier ones do not issue.
  std::vector<std::string> authorities = {};
  std::optional<ExternalAccount> external = {};
  std::string profile = {};
  // "http-01" and "tls-alpn-01", in the order in which they are tried.
  std::vector<std::string> challenges = {};
  KeyKind key_kind = KeyKind::ecdsa_p256;

  friend bool operator==(const RenewerSettings&, const RenewerSettings&) = default;
};

class Renewer {
 public:
  struct Hooks {
    // Receives log messages; Urgency::none is information.
    std::function<void(Urgency, std::string_view)> log;
    // Called on the thread of run() when another certificate is to be served.
    std::function<void()> on_change;
    // Makes the transport for the authorities. Called on the thread of run().
    std::function<std::shared_ptr<const RoundTripper>()> make_transport;
    std::function<WallTime()> now = &std::chrono::system_clock::now;
    std::function<double()> random = {};  // from 0 to 1; default: the machine's
  };
  struct Times {
    std::chrono::nanoseconds look = std::chrono::seconds(1);
    std::chrono::nanoseconds beat = std::chrono::seconds(5);
    // How long to wait until other processes have read the response to a challenge from the store.
    std::chrono::nanoseconds share = std::chrono::seconds(2);
    std::chrono::nanoseconds first_look_at_order = std::chrono::seconds(1);
    std::chrono::nanoseconds patience = std::chrono::minutes(5);
    // The limit of an attempt as a whole.
    std::chrono::nanoseconds longest = std::chrono::minutes(15);
  };

  Renewer(std::unique_ptr<CertificateStore> store, Hooks hooks, Times times);
  Renewer(std::unique_ptr<CertificateStore> store, Hooks hooks)
      : Renewer(std::move(store), std::move(hooks), Times()) {}

  Renewer(const Renewer&) = delete;
  Renewer& operator=(const Renewer&) = delete;
  ~Renewer();

  // Reads the names' entries from the store, so that sites() has one for each name. May be called
  // from any thread, by one at a time.
  Result<void> add(const NameSet& names) { return sites_.add(names); }
  // Replaces the settings. Their names must have been added. Thread: any.
  void set(RenewerSettings settings);
  std::vector<Site> sites(const NameSet& names) const { return sites_.get(names); }
  // Thread: any.
  std::vector<SiteStatus> status() const;
  RenewerCounts counts() const noexcept { return {.obtained = obtained_, .failed = failed_}; }
  const std::shared_ptr<Challenges>& challenges() const noexcept { return challenges_; }
  const CertificateStore& store() const noexcept { return *store_; }

  // Does not end; destroy the task to end it.
  task<void> run();
  // Checks the store and the clock once, and does what is due.
  task<void> look();

 private:
  class Responder;
  struct Attempt;
  struct Due {
    NameSet requested;
    NameSet renewals;   // without a request
    NameSet questions;  // names to ask their authority for advice about
    bool is_empty() const { return requested.empty() && renewals.empty() && questions.empty(); }
  };

  std::shared_ptr<const RenewerSettings> settings() const;
  void refresh(const RenewerSettings& settings);
  void refresh_sites(const RenewerSettings& settings);
  void refresh_challenges();
  void refresh_account();
  void report_problems(const std::vector<std::string>& problems);
  void report_urgency(const RenewerSettings& settings);
  void report_urgency(const Site& site);
  void adopt_certificate(const Site& site);
  bool is_due(const Site& site, const RenewerSettings& settings) const;
  bool wants_advice(const Site& site, const RenewerSettings& settings) const;
  Due due(const RenewerSettings& settings) const;
  bool is_overtaken(const Due& due, const RenewerSettings& settings) const;
  bool try_lock();
  NameSet requested() const;
  void forget_stray_requests(const RenewerSettings& settings);
  task<void> act(std::shared_ptr<const RenewerSettings> settings, std::shared_ptr<const Due> due);
  task<void> act_on(std::shared_ptr<const RenewerSettings> settings,
                    std::shared_ptr<const Due> due);
  task<void> keep_lock(Scope* work);
  task<void> refresh_meanwhile(std::shared_ptr<const RenewerSettings> settings);
  task<void> renew(std::shared_ptr<const RenewerSettings> settings, std::string name);
  std::vector<std::string> open_authorities(const RenewerSettings& settings,
                                            const std::string& name);
  std::optional<std::chrono::seconds> shortest_wait(const RenewerSettings& settings,
                                                    const std::string& name);
  task<Result<void>> attempt(Attempt* attempt);
  task<Result<void>> attempt_or_throw(Attempt* attempt);
  task<void> ask_advice(std::shared_ptr<const RenewerSettings> settings, std::string name);
  Client& client_of(const RenewerSettings& settings, const std::string& authority);
  Result<void> ensure_account();
  Result<void> accept(const Attempt& attempt, std::string chain, const PrivateKey& key);
  void record_failure(const std::string& name,
                      std::string_view problem,
                      std::optional<std::chrono::seconds> retry_after);
  void forget_request(const std::string& name);
  void forget_transport();
  void log_terms(const std::string& authority, const std::string& terms);
  void save_state(const std::string& name, const RenewalState& state);
  double random() const { return hooks_.random(); }
  WallTime now() const { return hooks_.now(); }
  void log(Urgency level, std::string_view line) const { hooks_.log(level, line); }

  const std::unique_ptr<CertificateStore> store_;
  Hooks hooks_;
  const Times times_;
  Sites sites_;
  const std::shared_ptr<Challenges> challenges_;
  mutable std::mutex mutex_;
  std::shared_ptr<const RenewerSettings> settings_;  // guarded by mutex_
  std::atomic<std::uint64_t> obtained_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;

  // Used on the thread of run() only.
  std::shared_ptr<const RenewerSettings> acted_on_;  // the settings that the clients were made from
  std::shared_ptr<const RoundTripper> transport_;
  std::map<std::string, std::unique_ptr<Client>> clients_;  // by authority
  std::optional<PrivateKey> account_;
  std::string account_stamp_;
  std::string open_stamp_;
  std::unique_ptr<StoreLock> lock_;
  std::string lock_problem_;
  std::map<std::string, WallTime> urged_;  // when the urgency of a name was last logged
  // Until when an authority must not be asked about a name again, by name and authority.
  std::map<std::string, std::map<std::string, WallTime>> waits_;
  // Names that have not been tried since the settings changed, which may have repaired the cause of
  // a failure: it delays them by at most kImpatience.
  NameSet impatient_;
  std::set<std::string> terms_logged_;
  // Since when there are requests for names that are not in the settings.
  std::map<std::string, WallTime, std::less<>> strays_;
};

}  // namespace onehop::acme
