// SPDX-License-Identifier: Apache-2.0
#include "program/stopping.hpp"

#include "config/quantities.hpp"

#include <utility>

#include <pthread.h>

namespace onehop::program {

Stopping::Stopping(Server& server,
                   observe::Log& log,
                   std::shared_ptr<std::atomic<observe::Readiness>> readiness,
                   std::function<Times()> times,
                   std::function<void()> on_begin)
    : server_(server),
      log_(log),
      readiness_(std::move(readiness)),
      times_(std::move(times)),
      on_begin_(std::move(on_begin)) {
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), "onehop/stop");
}

Stopping::~Stopping() {
  end();
}

Stopping::Phase Stopping::phase() const {
  const std::lock_guard lock(mutex_);
  return phase_;
}

std::optional<std::chrono::system_clock::time_point> Stopping::ends_at() const {
  const std::lock_guard lock(mutex_);
  return ends_at_;
}

bool Stopping::begin(Reason reason) {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::serving || is_over_) return false;
  phase_ = Phase::delaying;
  reason_ = reason;
  if (reason == Reason::drain) *readiness_ = observe::Readiness::draining;
  changed_.notify_all();
  return true;
}

void Stopping::hurry() {
  (void)drain();
  {
    const std::lock_guard lock(mutex_);
    phase_ = Phase::hurrying;
    changed_.notify_all();
  }
  server_.stop(Duration::zero());
}

void Stopping::wait_for_delay(Duration delay) {
  if (delay <= Duration::zero()) return;
  log_.announce(delaying_line(delay));
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, delay, [this] { return phase_ == Phase::hurrying; });
}

// Waits until a stop begins. Returns false if the object ends without a stop.
bool Stopping::wait_for_begin() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return phase_ != Phase::serving || is_over_; });
  return phase_ != Phase::serving;
}

void Stopping::run() {
  if (!wait_for_begin()) return;
  const Reason reason = [this] {
    const std::lock_guard lock(mutex_);
    return reason_;
  }();
  const Times times = times_ ? times_() : Times();
  if (on_begin_) on_begin_();
  if (reason == Reason::drain) wait_for_delay(times.delay);
  Duration timeout = times.timeout;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::hurrying) timeout = Duration::zero();
    if (phase_ == Phase::delaying) phase_ = Phase::draining;
    ends_at_ = std::chrono::system_clock::now() +
               std::chrono::duration_cast<std::chrono::system_clock::duration>(timeout);
  }
  log_.announce(draining_line(server_.requests(), timeout));
  const bool whole = server_.stop(timeout);
  const std::lock_guard lock(mutex_);
  was_whole_ = whole;
}

void Stopping::finish() {
  if (!has_begun()) {
    log_.announce("all workers have failed", LogLevel::error);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::delaying) phase_ = Phase::hurrying;  // no worker is left
    changed_.notify_all();
  }
  thread_.join();
  log_.announce(stopped_line(was_whole_, server_.metrics().connections_cut_total));
}

void Stopping::end() {
  if (has_begun()) hurry();
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

int serve_until_signalled(Server& server,
                          Stopping& stopping,
                          DrainingProcesses& earlier,
                          Signals& signals) {
  bool is_well = true;
  // The server also ends when its last worker has failed.
  const auto serve = [&] {
    is_well = server.wait();
    // The service manager would end the earlier processes with this one.
    if (is_well) earlier.wait_for_end();
  };
  signals.wait_for(serve, [&] {
    if (stopping.drain()) return;
    earlier.stop();
    stopping.hurry();
  });
  stopping.finish();
  // Only the logs remain to be written, and a stuck reader must not delay the exit.
  signals.release();
  return is_well ? 0 : 1;
}

std::string stopped_line(bool was_whole, std::uint64_t connections_cut) {
  if (was_whole) return "stopped";
  if (connections_cut == 0) return "stopped; requests still in progress were aborted";
  return "stopped; " + std::to_string(connections_cut) +
         (connections_cut == 1 ? " connection with a request in progress was cut"
                               : " connections with requests in progress were cut");
}

std::string draining_line(std::size_t requests, std::chrono::nanoseconds drain_timeout) {
  if (requests == 0) return "stopping: no requests are in progress";
  return "draining: waiting for " + std::to_string(requests) +
         (requests == 1 ? " request" : " requests") + " for at most " +
         config::format_duration(drain_timeout) + "; a second signal stops immediately";
}

std::string delaying_line(std::chrono::nanoseconds drain_delay) {
  return "draining: health checks fail; the listeners close in " +
         config::format_duration(drain_delay) + "; a second signal stops immediately";
}

}  // namespace onehop::program
