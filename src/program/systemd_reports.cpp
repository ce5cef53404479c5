// SPDX-License-Identifier: Apache-2.0
#include "program/systemd_reports.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>
#include <unistd.h>

namespace onehop::program {
namespace {

using Clock = std::chrono::steady_clock;

// Fractions of the watchdog time: the wait for the workers, and the pause before they are asked
// again.
constexpr int kPatienceShare = 4;
constexpr int kPauseShare = 20;

}  // namespace

ManagerReports::ManagerReports(ManagerSocket socket, Duration watchdog)
    : socket_(std::move(socket)), watchdog_(watchdog) {}

void ManagerReports::ready() {
  if (!socket_.is_open()) return;
  const std::lock_guard lock(mutex_);
  shown_ = status();
  const bool ends = phase_ == Phase::stopping;
  if (!ends) phase_ = Phase::ready;
  is_ready_ = true;
  began_.notify_all();
  socket_.send(ends ? stopping_state(shown_) : ready_state(shown_));
}

void ManagerReports::watch(Sources sources) {
  if (!socket_.is_open()) return;
  sources_ = std::move(sources);
  thread_ = std::jthread([this](const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "onehop/reports");
    run(stop);
  });
}

void ManagerReports::reloading() {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::ready) return;
  phase_ = Phase::reloading;
  socket_.send(reloading_state("reloading"));
}

void ManagerReports::reloaded() {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::reloading) return;
  phase_ = Phase::ready;
  shown_ = status();
  socket_.send(ready_state(shown_));
}

void ManagerReports::stopping() {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::handed_over) return;
  const Phase before = std::exchange(phase_, Phase::stopping);
  if (before == Phase::starting || before == Phase::stopping) return;
  shown_ = status();
  socket_.send(stopping_state(shown_));
}

void ManagerReports::hand_over(pid_t main) {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::stopping) return;
  phase_ = main == ::getpid() ? Phase::ready : Phase::handed_over;
  socket_.send(main_state(main));
}

void ManagerReports::finish() {
  thread_ = {};
}

void ManagerReports::report_status() {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::reloading || phase_ == Phase::handed_over) return;
  std::string now = status();
  if (now == shown_) return;
  shown_ = std::move(now);
  socket_.send(status_state(shown_));
}

bool ManagerReports::prove_life() {
  if (!sources_.is_alive(watchdog_ / kPatienceShare)) return false;
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::handed_over) socket_.send(watchdog_state());
  return true;
}

void ManagerReports::run(const std::stop_token& stop) {
  {
    std::unique_lock lock(mutex_);
    if (!began_.wait(lock, stop, [this] { return is_ready_; })) return;
  }
  std::mutex mutex;
  std::condition_variable_any stopped;
  Clock::time_point life = Clock::now();
  Clock::time_point look = life + sources_.status_period;
  while (!stop.stop_requested()) {
    if (watchdog_ > Duration::zero() && Clock::now() >= life) {
      const auto asked = Clock::now();
      life = prove_life() ? asked + watchdog_ / 2 : Clock::now() + watchdog_ / kPauseShare;
    }
    if (Clock::now() >= look) {
      report_status();
      look = Clock::now() + sources_.status_period;
    }
    const auto next = watchdog_ > Duration::zero() ? std::min(life, look) : look;
    std::unique_lock lock(mutex);
    stopped.wait_until(lock, stop, next, [] { return false; });
  }
}

}  // namespace onehop::program
