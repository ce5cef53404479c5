// SPDX-License-Identifier: Apache-2.0
//
// ManagerReports reports to the service manager from its own thread while the program runs: the
// status line when it changes, and signs of life. Without a manager it does nothing and has no
// thread.
// Thread: any.
#pragma once

#include "program/systemd_notify.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include <sys/types.h>

namespace onehop::program {

class ManagerReports {
 public:
  using Duration = std::chrono::nanoseconds;

  // The sources of the reports. Both functions are called on the thread.
  struct Sources {
    // Reports whether every worker answers within `patience`.
    std::function<bool(Duration patience)> is_alive;
    std::function<std::string()> status;
    // The interval at which the status is checked for changes.
    Duration status_period = std::chrono::seconds(5);
  };

  // `watchdog` is the longest time without a sign of life; 0 sends none. A sign of life is sent
  // twice in that time, but only after every worker has answered since the last one.
  ManagerReports(ManagerSocket socket, Duration watchdog);
  ManagerReports(const ManagerReports&) = delete;
  ManagerReports& operator=(const ManagerReports&) = delete;
  ~ManagerReports() { finish(); }

  // Starts the thread, which begins to report when ready() is called. Throws std::system_error.
  void watch(Sources sources);
  // Reports that the program serves, and begins the other reports. After stopping(), reports that
  // instead.
  void ready();
  // Report the beginning of a reload and its end, whether or not it succeeded.
  void reloading();
  void reloaded();
  // Reports that the program has stopped accepting connections. Signs of life continue.
  void stopping();
  // Makes `main` the main process of the service and suspends the reports of this one. With the id
  // of this process, resumes them.
  void hand_over(pid_t main);
  // Ends the thread. The sources are not used afterwards.
  void finish();

 private:
  enum class Phase : std::uint8_t { starting, ready, reloading, stopping, handed_over };

  void run(const std::stop_token& stop);
  void report_status();
  std::string status() const { return sources_.status ? sources_.status() : std::string(); }
  bool prove_life();

  const ManagerSocket socket_;
  const Duration watchdog_;
  Sources sources_;
  std::mutex mutex_;  // guards the phase and its reports, so that they are sent in order
  std::condition_variable_any began_;
  Phase phase_ = Phase::starting;
  bool is_ready_ = false;  // ready() was called
  std::string shown_;      // the last status sent
  std::jthread thread_;
};

}  // namespace onehop::program
