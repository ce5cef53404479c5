// SPDX-License-Identifier: Apache-2.0
//
// Service: a running proxy, from its start to its end: the server, the connections to the backend,
// the logs, the admin listeners and the service manager, and the configuration in use. A reload
// replaces that as a whole or not at all.
//
// A reload goes through five steps: it reads every file; checks all settings; prepares everything
// that can fail, beside what serves; puts it in place; and reports. Before the fourth, nothing that
// serves has changed, so after a failure the last good configuration stays in use; from the fourth
// on, nothing can fail.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/server.hpp>

#include "config/load.hpp"
#include "observe/admin_actions.hpp"
#include "observe/former_backend.hpp"
#include "observe/log.hpp"
#include "observe/metric_counts.hpp"
#include "observe/observed.hpp"
#include "observe/reload_history.hpp"
#include "observe/request_metrics.hpp"
#include "observe/trace_exporter.hpp"
#include "program/access_log_keeper.hpp"
#include "program/admin.hpp"
#include "program/backend_watch.hpp"
#include "program/certificate_keeper.hpp"
#include "program/command_door.hpp"
#include "program/config_watch.hpp"
#include "program/draining_processes.hpp"
#include "program/file_restriction.hpp"
#include "program/handover.hpp"
#include "program/listener_places.hpp"
#include "program/predecessor.hpp"
#include "program/process_channel.hpp"
#include "program/reload_queue.hpp"
#include "program/signals.hpp"
#include "program/stopping.hpp"
#include "program/successor.hpp"
#include "program/systemd_environment.hpp"
#include "program/systemd_reports.hpp"
#include "program/transport_keeper.hpp"
#include "program/upgrade.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace onehop::program {

class Service {
 public:
  struct Setup {
    config::Loaded loaded;  // usable
    // Reads the settings again, on the thread of reloads.
    std::function<config::Loaded()> read;
    // Where they come from, for people: "/etc/onehop/onehop.toml".
    std::string source = "command line";
    ManagerEnvironment manager = {};
    FileRestriction files = FileRestriction();
    // If the one port is in use, the next ones are tried.
    bool may_choose_port = false;
    // How to start the program again, for an upgrade; std::nullopt: there is none.
    std::optional<Invocation> invocation = {};
    // Set if this process replaces another one; else null.
    std::shared_ptr<Arrival> arrival = {};
  };

  explicit Service(Setup setup);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  // Listens and serves, or returns the reason why it cannot.
  Result<void> start();
  // Serves until a signal or a command ends it. Returns the exit code of the process.
  int run(Signals& signals);

  observe::Log& log() noexcept { return log_; }
  const Server& server() const noexcept { return *server_; }
  // The configuration in use. From any thread.
  std::shared_ptr<const config::Configuration> configuration() const;
  // Of the dashboard; "" without one.
  std::string admin_url() const { return admin_ ? admin_->url() : std::string(); }
  // The listeners as URLs. From any thread.
  std::vector<std::string> urls() const;

 private:
  using Outcome = observe::ActionResult;

  Result<void> prepare_certificates();
  Result<void> start_server();
  // Makes what the system could refuse, such as threads, before this process replaces another.
  void prepare_to_serve();
  Result<void> start_server_with(const Transports& transports,
                                 const std::shared_ptr<observe::AccessLog>& access_log,
                                 bool& is_listening);
  // While the process has the rights that it was started with.
  Result<void> open_admin();
  void open_reports();
  CommandDoor::Ways ways();
  Outcome drain();
  Outcome set_log_level(LogLevel level);
  observe::Observed observed() const;
  bool is_alive(ManagerReports::Duration patience) const;
  std::string status() const;
  void on_signal(int number);
  std::unique_ptr<ConfigWatch> watch_for(const config::Loaded& loaded);
  std::unique_ptr<BackendWatch> backend_watch_for(const config::Configuration& configuration);
  // Ends whatever has begun; nothing of another thread is in the service afterwards.
  void close();

  // --- an upgrade --- Waits for the order of the process that this one replaces, if there is one.
  Result<void> take_over();
  // Reports to it that this process serves.
  void report_arrival();
  void take_socket_files();
  std::span<const HandedSocket> handed_sockets() const;
  // Of this process, on the thread of upgrades.
  Outcome upgrade(const std::string& trigger);
  Handover handover();
  void prepare_to_leave();
  // Another process accepts now: this one drains, and obeys its orders. Returns false if this one
  // was already stopping.
  bool leave(ProcessChannel channel);
  void make_room_in_memory();
  std::optional<Progress> obey(Order order);
  observe::MetricCounts own_counts() const;

  // --- reloads, on the thread of the queue ---
  struct Prepared;
  Outcome reload(const std::string& trigger);
  Outcome read_and_apply();
  // Makes all that can fail, beside what serves, or returns why there will be no reload.
  std::expected<Prepared, Outcome> prepare(config::Loaded loaded);
  // Puts all of it in place, or nothing.
  Outcome apply(Prepared prepared);
  // Makes the workers switch. After an error they go on as before.
  Result<void> switch_to(const Prepared& prepared, const Redirects& expected);
  // Does the rest, after the switch. Throws std::bad_alloc at most, for a message.
  void commit(Prepared prepared, const Redirects& expected);
  void correct_redirects(const Prepared& prepared, const Redirects& expected);
  observe::FormerBackends former_backends(const config::Configuration& before,
                                          const config::Configuration& now) const;
  void record(const Outcome& outcome, std::chrono::nanoseconds duration);
  void announce(const std::string& trigger, const Outcome& outcome);

  std::shared_ptr<const Handler> serving_handler(const config::Configuration& configuration,
                                                 const Transports& transports,
                                                 const std::shared_ptr<const Redirects>& redirects);
  Server::Options options_for(const config::Configuration& configuration,
                              std::shared_ptr<observe::AccessLog> access_log);
  std::shared_ptr<const config::Loaded> loaded() const;
  ListenerPlaces places() const;
  // Asks the server for the addresses that it has.
  void record_places(const config::Configuration& configuration);

  const Setup setup_;
  const std::uint64_t generation_;  // 1, and one more for each upgrade before it
  observe::Log log_;
  AccessLogKeeper access_logs_;
  std::shared_ptr<observe::TraceExporter> traces_;  // null without --trace
  const std::shared_ptr<observe::RequestMetrics> metrics_;
  const std::shared_ptr<observe::ReloadHistory> history_;
  const std::shared_ptr<std::atomic<observe::Readiness>> readiness_;
  const std::shared_ptr<observe::UpstreamChecks> checks_;
  TransportKeeper transports_;
  CertificateKeeper certificates_;
  std::unique_ptr<Server> server_;
  mutable std::mutex mutex_;
  // Guarded by mutex_; replaced by the thread of reloads alone.
  std::shared_ptr<const config::Loaded> loaded_;
  ListenerPlaces places_;
  observe::FormerBackends former_backends_;
  const std::shared_ptr<CommandDoor> door_;
  enum class Start : std::uint8_t { going_on, done, failed };
  std::atomic<Start> start_ = Start::going_on;  // reloads wait for its end
  std::optional<ManagerReports> reports_;
  std::optional<Stopping> stopping_;
  std::optional<ReloadQueue> reloads_;
  // Used by the thread of reloads; null unless the configuration wants them.
  std::unique_ptr<ConfigWatch> watch_;
  std::unique_ptr<BackendWatch> backend_watch_;
  std::optional<Admin> admin_;
  std::mutex changing_;  // held by a reload and an upgrade
  mutable DrainingProcesses draining_;
  std::optional<Upgrade> upgrade_;
  std::optional<ReloadQueue> upgrades_;
  std::optional<Successor> successor_;
  observe::MetricCounts own_counts_;  // since leave(), of the successor's thread
};

}  // namespace onehop::program
