// SPDX-License-Identifier: Apache-2.0
//
// Service is a running proxy: the server, the connections to the backend, the logs, the admin
// listeners, the reports to the service manager, and the configuration in use. A reload replaces
// the configuration as a whole or not at all.
//
// A reload has five steps: it reads every file, checks all settings, prepares everything that can
// fail without touching what serves, switches over, and reports. A failure in the first three steps
// leaves the configuration in use unchanged; from the fourth step on, nothing can fail.
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
    config::Loaded loaded;  // must be usable
    // Reads the settings again, on the thread of reloads.
    std::function<config::Loaded()> read;
    // The source of the settings for messages, such as "/etc/onehop/onehop.toml".
    std::string source = "command line";
    ManagerEnvironment manager = {};
    FileRestriction files = FileRestriction();
    // Tries the next ports if the only port is in use.
    bool may_choose_port = false;
    // How to start the program again for an upgrade; std::nullopt if it cannot be upgraded.
    std::optional<Invocation> invocation = {};
    // Set if this process replaces another one, else null.
    std::shared_ptr<Arrival> arrival = {};
  };

  explicit Service(Setup setup);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  // Listens and serves, or returns the reason why it cannot. Prepares `signals` for run().
  Result<void> start(Signals& signals);
  // Serves until a signal or a command ends it. Returns the exit code of the process.
  int run(Signals& signals);

  observe::Log& log() noexcept { return log_; }
  const Server& server() const noexcept { return *server_; }
  // Returns the configuration in use. May be called from any thread.
  std::shared_ptr<const config::Configuration> configuration() const;
  // Returns the URL of the dashboard, or "" without one.
  std::string admin_url() const { return admin_ ? admin_->url() : std::string(); }
  // Returns the listeners as URLs. May be called from any thread.
  std::vector<std::string> urls() const;

 private:
  using Outcome = observe::ActionResult;

  Result<void> prepare_certificates();
  Result<void> start_server();
  // Creates what the system could refuse, such as threads, before this process replaces another.
  void prepare_to_serve(Signals& signals);
  Result<void> start_server_with(const Transports& transports,
                                 const std::shared_ptr<observe::AccessLog>& access_log,
                                 bool& is_listening);
  // Called while the process still has its initial privileges.
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
  // Ends everything that has begun. No other thread uses the service afterwards.
  void close();

  // --- upgrades ---
  // Waits for the order of the process that this one replaces, if there is one.
  Result<void> take_over();
  // Reports to the replaced process that this one serves.
  void report_arrival();
  void take_socket_files();
  std::span<const HandedSocket> handed_sockets() const;
  // Replaces this process, on the thread of upgrades.
  Outcome upgrade(const std::string& trigger);
  Handover handover();
  void prepare_to_leave();
  // Another process accepts connections: drains and obeys its orders. Returns false if this process
  // was already stopping.
  bool leave(ProcessChannel channel);
  void make_room_in_memory();
  std::optional<Progress> obey(Order order);
  observe::MetricCounts own_counts() const;

  // --- reloads, on the thread of the queue ---
  struct Prepared;
  Outcome reload(const std::string& trigger);
  Outcome read_and_apply();
  // Prepares everything that can fail without touching what serves, or returns why it failed.
  std::expected<Prepared, Outcome> prepare(config::Loaded loaded);
  // Puts `prepared` in place as a whole, or not at all.
  Outcome apply(Prepared prepared);
  // Switches the workers. On an error they continue unchanged.
  Result<void> switch_to(const Prepared& prepared, const Redirects& expected);
  // Completes the reload after the switch. Throws at most std::bad_alloc, for a message.
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
  // Records the addresses that the server has.
  void record_places(const config::Configuration& configuration);

  const Setup setup_;
  const std::uint64_t generation_;  // 1, plus 1 for each earlier upgrade
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
  // Guarded by mutex_; only the thread of reloads replaces them.
  std::shared_ptr<const config::Loaded> loaded_;
  ListenerPlaces places_;
  observe::FormerBackends former_backends_;
  const std::shared_ptr<CommandDoor> door_;
  enum class Start : std::uint8_t { going_on, done, failed };
  std::atomic<Start> start_ = Start::going_on;  // reloads wait until it is not going_on
  std::optional<ManagerReports> reports_;
  std::optional<Stopping> stopping_;
  std::optional<ReloadQueue> reloads_;
  // Used by the thread of reloads; null unless the configuration asks for them.
  std::unique_ptr<ConfigWatch> watch_;
  std::unique_ptr<BackendWatch> backend_watch_;
  std::optional<Admin> admin_;
  std::mutex changing_;  // held during a reload or an upgrade
  mutable DrainingProcesses draining_;
  std::optional<Upgrade> upgrade_;
  std::optional<ReloadQueue> upgrades_;
  std::optional<Successor> successor_;
  observe::MetricCounts own_counts_;  // since leave(); used by the successor's thread
};

}  // namespace onehop::program
