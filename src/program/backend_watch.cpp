// SPDX-License-Identifier: Apache-2.0
#include "program/backend_watch.hpp"

#include "config/secrets.hpp"
#include "program/backend_probe.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <pthread.h>

namespace onehop::program {
namespace {

using observe::Readiness;

constexpr std::chrono::milliseconds kPatience(1000);

}  // namespace

struct BackendWatch::State {
  void run();
  void settle(const config::NamedBackend& looked_at, const ProbeResult& result);

  const std::shared_ptr<std::atomic<Readiness>> readiness;
  const std::shared_ptr<observe::UpstreamChecks> checks;
  const Report report;
  const Duration pause;

  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex.
  config::NamedBackend backend;
  bool has_new_backend = false;
  bool is_over = false;
  std::string problem = {};  // the last one that was reported
};

// Under the mutex, so the destructor waits for a report.
void BackendWatch::State::settle(const config::NamedBackend& looked_at, const ProbeResult& result) {
  const std::lock_guard lock(mutex);
  if (is_over || has_new_backend) return;
  const bool accepts = result.problem.empty();
  ++(accepts ? checks->succeeded : checks->failed);
  Readiness from = accepts ? Readiness::no_upstream : Readiness::ready;
  const bool is_other =
      readiness->compare_exchange_strong(from, accepts ? Readiness::ready : Readiness::no_upstream);
  if (accepts && is_other) {
    report(LogLevel::info,
           "ready: the backend " + config::shown_url(looked_at.url) + " accepts connections");
  } else if (!accepts && problem != result.problem) {
    report(LogLevel::warning, "not ready: the backend " + config::shown_url(looked_at.url) +
                                  " accepts no connections: " + result.problem);
  }
  problem = result.problem;
}

void BackendWatch::State::run() {
  std::unique_lock lock(mutex);
  while (!is_over) {
    const config::NamedBackend looked_at = backend;
    has_new_backend = false;
    lock.unlock();
    settle(looked_at, probe_backend(looked_at, kPatience));
    lock.lock();
    changed.wait_for(lock, pause, [this] { return is_over || has_new_backend; });
  }
}

BackendWatch::BackendWatch(config::NamedBackend backend,
                           std::shared_ptr<std::atomic<Readiness>> readiness,
                           std::shared_ptr<observe::UpstreamChecks> checks,
                           Report report,
                           Duration pause)
    : state_(new State{.readiness = std::move(readiness),
                       .checks = std::move(checks),
                       .report = std::move(report),
                       .pause = pause,
                       .mutex = {},
                       .changed = {},
                       .backend = std::move(backend)}) {
  std::thread thread([state = state_] { state->run(); });
  ::pthread_setname_np(thread.native_handle(), "onehop/backend");
  thread.detach();
}

BackendWatch::~BackendWatch() {
  const std::lock_guard lock(state_->mutex);
  state_->is_over = true;
  state_->changed.notify_one();
  Readiness waits = Readiness::no_upstream;
  state_->readiness->compare_exchange_strong(waits, Readiness::ready);
}

void BackendWatch::follow(const config::NamedBackend& backend) {
  const std::lock_guard lock(state_->mutex);
  if (state_->backend == backend) return;
  state_->backend = backend;
  state_->has_new_backend = true;
  state_->changed.notify_one();
}

}  // namespace onehop::program
