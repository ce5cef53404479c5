// SPDX-License-Identifier: Apache-2.0
#include "program/service.hpp"

#include "acme/challenge_handler.hpp"
#include "config/listeners.hpp"
#include "config/tables.hpp"
#include "program/health_check.hpp"
#include "program/instruments.hpp"
#include "program/messages.hpp"
#include "program/open_logs.hpp"
#include "program/proxy_for.hpp"
#include "server/log_text.hpp"

#include <algorithm>
#include <csignal>
#include <system_error>
#include <utility>

namespace onehop::program {
namespace {

constexpr int kPortsToTry = 20;

// Returns the address, such as "127.0.0.1:8080", with the next port.
std::string next_port(const std::string& address) {
  const auto colon = address.rfind(':');
  return address.substr(0, colon + 1) + std::to_string(std::stoi(address.substr(colon + 1)) + 1);
}

observe::RequestMetrics::Options metrics_options(const config::AdminSettings& settings) {
  observe::RequestMetrics::Options options;
  if (!settings.metrics_buckets.empty())
    options.buckets = observe::Buckets(settings.metrics_buckets);
  return options;
}

std::string requests_in_progress(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " request" : " requests") + " in progress";
}

}  // namespace

Service::Service(Setup setup)
    : setup_(std::move(setup)),
      generation_(setup_.arrival ? setup_.arrival->handover.generation : 1),
      log_(setup_.loaded.configuration.verbose),
      access_logs_(log_),
      metrics_(std::make_shared<observe::RequestMetrics>(
          metrics_options(setup_.loaded.configuration.admin))),
      history_(std::make_shared<observe::ReloadHistory>(setup_.source)),
      readiness_(std::make_shared<std::atomic<observe::Readiness>>(observe::Readiness::starting)),
      checks_(std::make_shared<observe::UpstreamChecks>()),
      transports_([this](std::string_view line) { log_.announce(std::string(line)); }),
      certificates_(log_),
      loaded_(std::make_shared<const config::Loaded>(setup_.loaded)),
      door_(std::make_shared<CommandDoor>(ways())) {
  if (!setup_.invocation) return;
  upgrade_.emplace(
      *setup_.invocation,
      Upgrade::Steps{
          .handover = [this] { return handover(); },
          .prepare = [this] { prepare_to_leave(); },
          .announce = [this](pid_t main) { reports_->hand_over(main); },
          .leave = [this](ProcessChannel channel) { return leave(std::move(channel)); }});
}

Service::~Service() {
  close();
}

void Service::close() {
  Start going_on = Start::going_on;
  start_.compare_exchange_strong(going_on, Start::failed);
  start_.notify_all();
  door_->close();
  certificates_.end();
  if (upgrade_) upgrade_->cancel();
  if (upgrades_) upgrades_->close("the process is ending");
  successor_.reset();
  if (stopping_) stopping_->end();
  if (reloads_) reloads_->close("the process is ending");
  watch_.reset();
  backend_watch_.reset();
  admin_.reset();
  if (reports_) reports_->finish();
}

std::shared_ptr<const config::Configuration> Service::configuration() const {
  const std::lock_guard lock(mutex_);
  return {loaded_, &loaded_->configuration};
}

std::shared_ptr<const config::Loaded> Service::loaded() const {
  const std::lock_guard lock(mutex_);
  return loaded_;
}

ListenerPlaces Service::places() const {
  const std::lock_guard lock(mutex_);
  return places_;
}

std::vector<std::string> Service::urls() const {
  return urls_of(places(), configuration()->server.tls.has_value());
}

void Service::record_places(const config::Configuration& configuration) {
  ListenerPlaces actual = places_of(configuration, setup_.manager.sockets, server_->addresses());
  const std::lock_guard lock(mutex_);
  places_ = std::move(actual);
}

Result<void> Service::start(Signals& signals) {
  warn_of_settings(*configuration(), log_);
  open_reports();
  if (auto prepared = prepare_certificates(); !prepared) return prepared;
  if (auto started = start_server(); !started) return started;
  prepare_to_serve(signals);
  if (auto taken = take_over(); !taken) return taken;
  server_->accept();
  report_arrival();
  certificates_.begin();
  admin_->serve();
  reports_->ready();
  start_ = Start::done;
  start_.notify_all();
  return {};
}

void Service::prepare_to_serve(Signals& signals) {
  signals.prepare();
  certificates_.make_thread();
  stopping_.emplace(
      *server_, log_, readiness_,
      [this] {
        const auto current = configuration();
        return Stopping::Times{current->drain_delay, current->drain_timeout};
      },
      [this] {
        reports_->stopping();
        certificates_.end();
        if (upgrade_) upgrade_->cancel();
        upgrades_->refuse("onehop is stopping");
        reloads_->refuse("onehop is stopping");
      });
  reloads_.emplace([this](const std::string& trigger) { return reload(trigger); },
                   [this](const std::string& trigger, const Outcome& refusal) {
                     log_.announce(trigger + ": " + refusal.summary, LogLevel::warning);
                   });
  upgrades_.emplace([this](const std::string& trigger) { return upgrade(trigger); },
                    [this](const std::string& trigger, const Outcome& refusal) {
                      log_.announce(trigger + ": " + refusal.summary, LogLevel::warning);
                    },
                    "upgrade");
  try {
    watch_ = watch_for(*loaded());
  } catch (const std::system_error& error) {
    log_.announce(std::string("the configuration files are not watched: ") + error.what(),
                  LogLevel::error);
  }
  backend_watch_ = backend_watch_for(*configuration());
  reports_->watch({.is_alive = [this](auto patience) { return is_alive(patience); },
                   .status = [this] { return status(); }});
}

// Returns null if the configuration does not ask for a watch. Throws std::system_error.
std::unique_ptr<ConfigWatch> Service::watch_for(const config::Loaded& loaded) {
  if (!loaded.configuration.watch_config) return nullptr;
  ConfigWatch::Reports reports = {
      .changed = [this] { (void)reloads_->request("--watch-config"); },
      .unwatched =
          [this](const std::string& why) {
            log_.announce("--watch-config: cannot watch " + why + "; reading the files every 2 s",
                          LogLevel::warning);
          }};
  return std::make_unique<ConfigWatch>(loaded.configuration.config_files, std::move(reports),
                                       loaded.files_fingerprint);
}

// Returns null if the configuration does not ask for a watch. Throws std::system_error.
std::unique_ptr<BackendWatch> Service::backend_watch_for(
    const config::Configuration& configuration) {
  if (!configuration.admin.ready_needs_upstream) return nullptr;
  return std::make_unique<BackendWatch>(
      config::needed_backends(configuration), readiness_, checks_,
      [this](LogLevel level, const std::string& line) { log_.announce(line, level); });
}

Result<void> Service::prepare_certificates() {
  config::Loaded with = *loaded_;
  if (auto prepared = certificates_.prepare(with.configuration); !prepared) return prepared;
  certificates_.commit(with.configuration);
  loaded_ = std::make_shared<const config::Loaded>(std::move(with));
  return {};
}

Result<void> Service::start_server() {
  auto access_log = access_logs_.prepare(*configuration());
  if (!access_log) return failure(access_log.error());
  auto traces = start_traces(*configuration(), log_);
  if (!traces) return failure(traces.error());
  traces_ = std::move(*traces);
  for (int tries = 1;; ++tries) {
    auto transport = transports_.prepare(*configuration());
    if (!transport) return failure(transport.error());
    bool is_listening = false;
    auto started = start_server_with(transport->transports(), access_log->log, is_listening);
    if (started) {
      transports_.commit(std::move(*transport));
      access_logs_.commit(std::move(*access_log));
    }
    const bool is_taken =
        !started && !is_listening && started.error().code() == std::errc::address_in_use;
    if (!is_taken || !setup_.may_choose_port || tries == kPortsToTry) return started;
    config::Loaded next = *loaded_;
    std::string& listener = next.configuration.listen.front();
    listener = next_port(listener);
    loaded_ = std::make_shared<const config::Loaded>(std::move(next));
  }
}

Result<void> Service::start_server_with(const Transports& transports,
                                        const std::shared_ptr<observe::AccessLog>& access_log,
                                        bool& is_listening) {
  const auto current = configuration();
  const auto redirects = std::make_shared<Redirects>();
  Server::Options options = options_for(*current, access_log);
  // Switches the user last, after everything that needs the privileges of root.
  options.on_listening = [this, redirects, current, &is_listening,
                          then = options.on_listening]() -> Result<void> {
    is_listening = true;
    record_places(*current);
    *redirects = redirects_of(places(), current->server.tls.has_value());
    if (auto opened = open_admin(); !opened) return opened;
    return then ? then() : Result<void>();
  };
  options.accept_at_once = false;
  server_ = std::make_unique<Server>(std::move(options));
  if (auto started = server_->start(serving_handler(*current, transports, redirects)); !started) {
    return started;
  }
  if (setup_.arrival) setup_.arrival->handover.ticket_keys.clear();
  const bool waits_for_backend = current->admin.ready_needs_upstream;
  *readiness_ = waits_for_backend ? observe::Readiness::no_upstream : observe::Readiness::ready;
  return {};
}

Server::Options Service::options_for(const config::Configuration& configuration,
                                     std::shared_ptr<observe::AccessLog> access_log) {
  Server::Options options = server_options(configuration, {.log = log_,
                                                           .access_log = std::move(access_log),
                                                           .traces = traces_,
                                                           .metrics = metrics_,
                                                           .reloads = history_,
                                                           .readiness = readiness_});
  for (const InheritedSocket& one : setup_.manager.sockets)
    options.open_sockets.push_back({.descriptor = one.descriptor, .name = one.name});
  const auto handed = open_sockets(handed_sockets(), HandedSocket::Use::service);
  options.open_sockets.insert(options.open_sockets.end(), handed.begin(), handed.end());
  if (setup_.arrival) options.ticket_keys = setup_.arrival->handover.ticket_keys.text();
  return options;
}

std::shared_ptr<const Handler> Service::serving_handler(
    const config::Configuration& configuration,
    const Transports& transports,
    const std::shared_ptr<const Redirects>& redirects) {
  auto handler = handler_for(configuration, transports,
                             counting(metrics_, series_for(configuration, *metrics_)));
  if (std::ranges::any_of(configuration.listen, config::is_redirect)) {
    handler = std::make_shared<const HttpsRedirect>(std::move(handler), redirects);
  }
  if (configuration.acme.is_on()) {
    handler = std::make_shared<const acme::ChallengeHandler>(certificates_.challenges(),
                                                             std::move(handler));
  }
  if (const std::string& path = configuration.admin.health_path; !path.empty()) {
    handler = std::make_shared<const HealthCheck>(path, readiness_, std::move(handler));
  }
  return handler;
}

Result<void> Service::open_admin() {
  auto admin = Admin::open(*configuration(), observed(), CommandDoor::actions(door_), log_,
                           handed_sockets());
  if (!admin) return failure(admin.error());
  admin_.emplace(std::move(*admin));
  return {};
}

// If the manager's socket cannot be opened, the service serves without reports.
void Service::open_reports() {
  ManagerSocket socket;
  if (const std::string& name = setup_.manager.notify_socket; !name.empty()) {
    if (auto opened = ManagerSocket::open(name)) {
      socket = std::move(*opened);
    } else {
      log_.announce("no reports to the service manager: " + reason_of(opened.error()),
                    LogLevel::warning);
    }
  }
  reports_.emplace(std::move(socket), setup_.manager.watchdog);
}

// While the server drains, workers end one after the other, and the drain has its own timeout.
bool Service::is_alive(ManagerReports::Duration patience) const {
  const Stopping::Phase phase = stopping_->phase();
  if (phase != Stopping::Phase::serving && phase != Stopping::Phase::delaying) return true;
  const Server::Pinged pinged = server_->ping(patience);
  return pinged.answered == pinged.workers;
}

std::string Service::status() const {
  std::string requests = requests_in_progress(server_->requests());
  if (stopping_->has_begun()) return "draining: " + requests;
  if (history_->state().last_failed) requests += "; the last reload has failed";
  std::string text = "serving ";
  for (const std::string& url : urls())
    text += url + ", ";
  return text + requests;
}

CommandDoor::Ways Service::ways() {
  return {.reload = [this] { return reloads_->request("onehop reload"); },
          .upgrade = [this] { return upgrades_->request("onehop upgrade"); },
          .drain = [this] { return drain(); },
          .stop =
              [this] {
                draining_.stop();
                stopping_->hurry();
                return Outcome{.done = true, .summary = "stopped"};
              },
          .set_log_level = [this](LogLevel level) { return set_log_level(level); }};
}

Service::Outcome Service::drain() {
  const std::string requests = requests_in_progress(server_->requests());
  if (!stopping_->drain()) return {.done = true, .summary = "onehop is already stopping"};
  return {.done = true, .summary = "draining: " + requests};
}

Service::Outcome Service::set_log_level(LogLevel level) {
  log_.set_level(level);
  const std::string summary = std::string("the log level is ").append(server::to_string(level));
  log_.announce(summary);
  return {.done = true, .summary = summary};
}

void Service::on_signal(int number) {
  if (number == SIGHUP) {
    (void)reloads_->request("HUP");
  } else if (number == SIGUSR1) {
    access_logs_.reopen();
    draining_.reopen_logs();
  } else {
    (void)upgrades_->request("USR2");
  }
}

int Service::run(Signals& signals) {
  signals.on_other([this](int number) { on_signal(number); });
  const int code = serve_until_signalled(*server_, *stopping_, draining_, signals);
  if (traces_) traces_->finish();
  access_logs_.finish();
  close();  // last, because it waits for a reload in progress
  return code;
}

}  // namespace onehop::program
