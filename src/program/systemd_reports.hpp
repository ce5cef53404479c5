// SPDX-License-Identifier: Apache-2.0
//
// ManagerReports: reports to the service manager while the program runs, from a thread of its own:
// the status line when it changes, and signs of life. Without a manager it does nothing and has no
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

  // Where the reports come from. Both functions are called on the thread.
  struct Sources {
    // Whether every worker answers within this time.
    std::function<bool(Duration patience)> is_alive;
    std::function<std::string()> status;
    // How often the status is looked at.
    Duration status_period = std::chrono::seconds(5);
  };

  // `watchdog`: the longest time without a sign of life, which is sent twice as often, and only
  // after every worker has answered since the last one; 0: none are sent.
  ManagerReports(ManagerSocket socket, Duration watchdog);
  ManagerReports(const ManagerReports&) = delete;
  ManagerReports& operator=(const ManagerReports&) = delete;
  ~ManagerReports() { finish(); }

  // Makes the thread, which begins with the reports once the program serves. Throws
  // std::system_error.
  void watch(Sources sources);
  // It serves: reports that, and the rest from now on. After stopping(), reports that instead.
  void ready();
  // A reload begins, and has ended, well or not.
  void reloading();
  void reloaded();
  // It no longer accepts connections. Signs of life go on.
  void stopping();
  // Makes `main` the process of the service, and ends the reports of this one; with the id of this
  // process, undoes that.
  void hand_over(pid_t main);
  // Ends the thread, and with it the use of the sources.
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
  std::mutex mutex_;  // of the phase and its reports, so that they leave in order
  std::condition_variable_any began_;
  Phase phase_ = Phase::starting;
  bool is_ready_ = false;  // ready() was called
  std::string shown_;      // the last status
  std::jthread thread_;
};

}  // namespace onehop::program
