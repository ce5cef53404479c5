// SPDX-License-Identifier: Apache-2.0
#include "program/certificate_keeper.hpp"

#include <onehop/scope.hpp>
#include <onehop/transport.hpp>

#include "acme/file_store.hpp"
#include "config/acme_settings.hpp"
#include "io/reactor.hpp"
#include "net/locked_memory.hpp"
#include "net/small_file.hpp"
#include "program/readable_files.hpp"

#include <chrono>
#include <exception>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include <pthread.h>

namespace onehop::program {
namespace {

LogLevel level_of(acme::Urgency urgency) {
  if (urgency == acme::Urgency::none) return LogLevel::info;
  return urgency == acme::Urgency::warning ? LogLevel::warning : LogLevel::error;
}

Result<std::optional<acme::ExternalAccount>> read_external(const std::string& file) {
  if (file.empty()) return std::optional<acme::ExternalAccount>();
  auto text = net::read_small_file(file, net::FileKinds::regular);
  if (!text) {
    return failure(Errc::bad_option, Side::local, "--acme-eab " + file + ": " + text.error());
  }
  auto account = acme::parse_external_account(*text);
  net::cleanse(*text);
  if (!account) {
    return failure(Errc::bad_option, Side::local,
                   "--acme-eab " + file + ": " + std::string(account.error().detail()));
  }
  return std::optional<acme::ExternalAccount>(std::move(*account));
}

Result<acme::RenewerSettings> settings_of(const config::Configuration& configuration) {
  const config::AcmeSettings& acme = configuration.acme;
  acme::RenewerSettings settings;
  if (!acme.is_on()) return settings;
  auto external = read_external(acme.external_file);
  if (!external) return failure(external.error());
  settings.names = config::certificate_names(configuration);
  settings.email = acme.email;
  for (const std::string& authority : acme.authorities)
    settings.authorities.push_back(config::directory_of(authority));
  settings.external = std::move(*external);
  settings.profile = acme.profile;
  settings.challenges = config::challenges_of(acme);
  settings.key_kind = acme.key;
  return settings;
}

}  // namespace

// Supplies the certificates for a set of names to a server.
class CertificateKeeper::Source final : public TlsCertificateSource {
 public:
  Source(std::shared_ptr<const acme::Renewer> renewer,
         acme::NameSet names,
         std::shared_ptr<const std::atomic<std::uint64_t>> version)
      : renewer_(std::move(renewer)), names_(std::move(names)), version_(std::move(version)) {}

  std::vector<TlsCertificate> certificates() const override {
    std::vector<TlsCertificate> all;
    for (const acme::Site& site : renewer_->sites(names_)) {
      TlsCertificate& one = all.emplace_back();
      one.chain_pem = *site.pair;
    }
    return all;
  }
  std::uint64_t version() const override { return *version_; }
  std::optional<TlsCertificate> challenge_certificate(std::string_view name) const override {
    std::string pair = renewer_->challenges()->pair_for(name);
    if (pair.empty()) return std::nullopt;
    TlsCertificate certificate;
    certificate.chain_pem = std::move(pair);
    return certificate;
  }
  const acme::NameSet& names() const { return names_; }

 private:
  const std::shared_ptr<const acme::Renewer> renewer_;
  const acme::NameSet names_;
  const std::shared_ptr<const std::atomic<std::uint64_t>> version_;
};

// The part of a keeper that the thread uses, which outlives the keeper if it is stuck in the store.
struct CertificateKeeper::Surroundings {
  void announce(acme::Urgency urgency, std::string_view line) {
    const std::lock_guard lock(mutex);
    if (log != nullptr) log->announce(line, level_of(urgency));
  }
  std::shared_ptr<const RoundTripper> make_transport() {
    Transport::Options options;
    options.pool_idle_timeout = std::chrono::seconds(30);
    options.response_timeout = std::chrono::seconds(60);
    const std::lock_guard lock(mutex);
    options.tls.ca_file = ca_file;
    return std::make_shared<const Transport>(std::move(options));
  }

  std::mutex mutex;
  // Guarded by mutex.
  observe::Log* log;  // null after the end of the keeper
  std::string ca_file = {};
};

// The thread that runs the renewer from begin() on.
class CertificateKeeper::Loop {
 public:
  explicit Loop(std::shared_ptr<acme::Renewer> renewer)
      : state_(std::make_shared<State>(std::move(renewer))),
        thread_([state = state_] { state->serve(); }) {
    try {
      reactor_ = state_->started.get_future().get();
    } catch (...) {  // no event loop, because no descriptors are left
      thread_.join();
      throw;
    }
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  // Leaves a thread that is stuck in a file system.
  ~Loop() {
    stop();
    if (ended_.wait_for(kLongestEnd) == std::future_status::ready) {
      thread_.join();
    } else {
      thread_.detach();
    }
  }

  // Has no effect after the first call, or after stop().
  void begin() {
    if (reactor_ == nullptr || std::exchange(has_begun_, true)) return;
    state_->begins.set_value(true);
  }
  // Does not wait for the thread.
  void stop() noexcept {
    // The reactor may be gone after the first stop().
    io::Reactor* const reactor = std::exchange(reactor_, nullptr);
    if (reactor == nullptr) return;
    if (has_begun_) {
      reactor->stop();
    } else {
      state_->begins.set_value(false);
    }
  }

 private:
  struct State {
    explicit State(std::shared_ptr<acme::Renewer> r) : renewer(std::move(r)) {}

    void serve() {
      // The thread names itself: another thread would have to write a file for that, which Landlock
      // denies.
      ::pthread_setname_np(::pthread_self(), "onehop/acme");
      run();
      ended.set_value();
    }
    void run() {
      std::optional<io::Reactor> reactor;
      std::optional<Scope> work;
      try {
        reactor.emplace();
        reactor->post([this, &work] {
          work.emplace();
          work->spawn(renewer->run());
        });
      } catch (...) {
        return started.set_exception(std::current_exception());
      }
      started.set_value(&*reactor);
      if (begun.get()) reactor->run();
      const io::Reactor::Enter enter(*reactor);
      work.reset();
    }

    const std::shared_ptr<acme::Renewer> renewer;
    std::promise<io::Reactor*> started;
    std::promise<bool> begins;
    std::future<bool> begun = begins.get_future();
    std::promise<void> ended;
  };

  static constexpr std::chrono::seconds kLongestEnd{2};

  const std::shared_ptr<State> state_;  // the thread has it, too
  const std::future<void> ended_ = state_->ended.get_future();
  bool has_begun_ = false;
  std::thread thread_;
  io::Reactor* reactor_ = nullptr;  // null after stop()
};

CertificateKeeper::CertificateKeeper(observe::Log& log)
    : surroundings_(new Surroundings{.mutex = {}, .log = &log}) {}

CertificateKeeper::~CertificateKeeper() {
  end();
  loop_.reset();
  const std::lock_guard lock(surroundings_->mutex);
  surroundings_->log = nullptr;
}

std::shared_ptr<acme::Renewer> CertificateKeeper::renewer() const {
  const std::lock_guard lock(mutex_);
  return renewer_;
}

Result<void> CertificateKeeper::open(const config::Configuration& configuration) {
  std::optional<acme::FileStore::Owner> owner;
  if (configuration.user)
    owner = {.user = configuration.user->user, .group = configuration.user->group};
  auto store = acme::FileStore::open(config::state_folder_of(configuration.acme) + "/acme", owner);
  if (!store) {
    Error error = store.error();
    return failure(error.with("choose another folder with --state"));
  }
  // The store was created with the privileges of root.
  const std::string place = (*store)->place() + "/certificates";
  if (owner && readable_as(*configuration.user, {place}) == std::vector<bool>{false}) {
    return failure(Errc::bad_option, Side::local,
                   place + ": user '" + configuration.user->text +
                       "' cannot reach it; choose another folder with --state");
  }
  acme::Renewer::Hooks hooks;
  hooks.log = [around = surroundings_](acme::Urgency urgency, std::string_view line) {
    around->announce(urgency, line);
  };
  hooks.on_change = [version = version_] { ++*version; };
  hooks.make_transport = [around = surroundings_] { return around->make_transport(); };
  const std::lock_guard lock(mutex_);
  renewer_ = std::make_shared<acme::Renewer>(std::move(*store), std::move(hooks));
  return {};
}

Result<void> CertificateKeeper::prepare(config::Configuration& configuration) {
  auto settings = settings_of(configuration);
  if (!settings) return failure(settings.error());
  next_ = std::move(*settings);
  if (!configuration.acme.is_on()) return {};
  if (const std::string& file = configuration.acme.ca_file; !file.empty()) {
    const Transport probe({.tls = {.ca_file = file}});
    if (auto prepared = probe.prepare_tls(); !prepared) return prepared;
  }
  if (!renewer_) {
    if (auto opened = open(configuration); !opened) return opened;
  }
  if (auto added = renewer_->add(next_.names); !added) return added;
  if (!source_ || source_->names() != next_.names)
    source_ = std::make_shared<const Source>(renewer_, next_.names, version_);
  configuration.server.tls->source = source_;
  return {};
}

void CertificateKeeper::commit(const config::Configuration& configuration) noexcept {
  const auto renewer = this->renewer();
  if (!renewer) return;
  bool is_other_file = false;
  {
    const std::lock_guard lock(surroundings_->mutex);
    is_other_file = surroundings_->ca_file != configuration.acme.ca_file;
    surroundings_->ca_file = configuration.acme.ca_file;
  }
  if (!is_other_file && next_ == current_) return;
  current_ = next_;
  renewer->set(current_);
  for (const acme::SiteStatus& site : renewer->status()) {
    if (site.has_certificate) continue;
    surroundings_->announce(acme::Urgency::none,
                            site.name + ": serving a self-signed certificate until " +
                                acme::shown_authority(current_.authorities.front()) +
                                " issues one");
  }
  try {
    start_loop();
  } catch (const std::exception& error) {
    surroundings_->announce(
        acme::Urgency::error,
        std::string("cannot start the thread that obtains certificates: ") + error.what());
  }
}

void CertificateKeeper::make_thread() {
  const std::lock_guard lock(mutex_);
  if (renewer_) loop_ = std::make_unique<Loop>(renewer_);
}

void CertificateKeeper::begin() noexcept {
  const std::lock_guard lock(mutex_);
  acts_ = true;
  if (loop_) loop_->begin();
}

void CertificateKeeper::start_loop() {
  const std::lock_guard lock(mutex_);
  if (!acts_ || !renewer_ || loop_) return;
  loop_ = std::make_unique<Loop>(renewer_);
  loop_->begin();
}

void CertificateKeeper::end() noexcept {
  const std::lock_guard lock(mutex_);
  acts_ = false;
  if (loop_) loop_->stop();
}

std::shared_ptr<const acme::Challenges> CertificateKeeper::challenges() const {
  const auto renewer = this->renewer();
  return renewer ? renewer->challenges() : nullptr;
}

std::vector<acme::SiteStatus> CertificateKeeper::status() const {
  const auto renewer = this->renewer();
  return renewer ? renewer->status() : std::vector<acme::SiteStatus>();
}

acme::RenewerCounts CertificateKeeper::counts() const {
  const auto renewer = this->renewer();
  return renewer ? renewer->counts() : acme::RenewerCounts();
}

}  // namespace onehop::program
