// SPDX-License-Identifier: Apache-2.0
//
// Stopping ends a server: health checks fail; after the delay the listeners close; requests in
// progress finish, or are cut after the timeout. A second request to end stops the server
// immediately.
// Thread: any.
#pragma once

#include <onehop/server.hpp>

#include "observe/log.hpp"
#include "observe/observed.hpp"
#include "program/draining_processes.hpp"
#include "program/signals.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace onehop::program {

class Stopping {
 public:
  using Duration = std::chrono::nanoseconds;

  struct Times {
    Duration delay{0};  // from the first failed health check to closing the listeners
    Duration timeout = std::chrono::seconds(30);  // for the requests in progress
  };
  enum class Phase : std::uint8_t { serving, delaying, draining, hurrying };

  // Calls `times` and `on_begin`, which may be empty, when the stop begins, on a thread that exists
  // from the start, so that a process that cannot start threads can still be stopped. All arguments
  // must outlive the Stopping.
  Stopping(Server& server,
           observe::Log& log,
           std::shared_ptr<std::atomic<observe::Readiness>> readiness,
           std::function<Times()> times,
           std::function<void()> on_begin);
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;
  ~Stopping();

  // Begins to stop. Returns false if the stop had already begun.
  bool drain() { return begin(Reason::drain); }
  // Begins to stop a process that another one has replaced: without the delay, and with health
  // checks that still succeed, because those that reach this process are about the service.
  bool hand_over() { return begin(Reason::handed_over); }
  // Stops immediately.
  void hurry();

  Phase phase() const;
  bool has_begun() const { return phase() != Phase::serving; }
  // Returns when requests in progress are cut, or std::nullopt before the listeners close.
  std::optional<std::chrono::system_clock::time_point> ends_at() const;
  // Waits until the stop has ended, and logs the result. If no stop had begun, all workers have
  // failed.
  void finish();
  // Ends a stop in progress immediately, and waits for it. No stop begins afterwards.
  void end();

 private:
  enum class Reason : std::uint8_t { drain, handed_over };

  bool begin(Reason reason);
  bool wait_for_begin();
  void run();
  void wait_for_delay(Duration delay);

  Server& server_;
  observe::Log& log_;
  const std::shared_ptr<std::atomic<observe::Readiness>> readiness_;
  const std::function<Times()> times_;
  const std::function<void()> on_begin_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  Phase phase_ = Phase::serving;
  Reason reason_ = Reason::drain;
  std::optional<std::chrono::system_clock::time_point> ends_at_;
  bool was_whole_ = true;
  bool is_over_ = false;  // the thread must end
  std::thread thread_;    // last, because it uses the other members
};

// Serves until a signal or another request has ended the server and the `earlier` processes have
// ended, because all processes of a service end together. If the last worker fails, it returns
// without a signal. Returns the exit code of the process, which is 1 if a worker failed.
int serve_until_signalled(Server& server,
                          Stopping& stopping,
                          DrainingProcesses& earlier,
                          Signals& signals);

// Return the log lines for a stop. `requests` is the number of requests in progress.
std::string draining_line(std::size_t requests, std::chrono::nanoseconds drain_timeout);
std::string stopped_line(bool was_whole, std::uint64_t connections_cut);
std::string delaying_line(std::chrono::nanoseconds drain_delay);

}  // namespace onehop::program
