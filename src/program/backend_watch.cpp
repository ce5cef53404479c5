// SPDX-License-Identifier: Apache-2.0
#include "program/backend_watch.hpp"

#include "config/secrets.hpp"
#include "observe/upstream_endpoints.hpp"
#include "program/backend_probe.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include <pthread.h>

namespace onehop::program {
namespace {

using observe::Readiness;

constexpr std::chrono::milliseconds kProbePatience(1000);

// The result of probing all backends once.
struct Finding {
  std::string accepting;  // one backend of each upstream: "http://a:1, http://b:1"
  std::string problem;    // "" if every upstream has a backend that accepts
  bool are_several = false;
  // An upstream has no backend that accepts. If false, a problem is only that this machine is short
  // of a resource.
  bool is_certain = false;
};

void append(std::string& list, std::string_view separator, std::string_view text) {
  list.append(list.empty() ? std::string_view() : separator).append(text);
}

}  // namespace

struct BackendWatch::State {
  void run();
  bool is_of_use() const;
  // Returns the first backend that accepts. If none does, returns null and adds to the problem of
  // `finding`.
  const config::NamedBackend* find_accepting(const config::UpstreamBackends& of,
                                             Finding& finding) const;
  Finding look_at(const Needed& all) const;
  void settle(const Finding& finding);

  const std::shared_ptr<std::atomic<Readiness>> readiness;
  const std::shared_ptr<observe::UpstreamChecks> checks;
  const Report report;
  const Duration pause;

  mutable std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex.
  Needed needed;
  bool has_new_backends = false;
  bool is_over = false;
  std::string problem = {};  // the last problem reported
};

bool BackendWatch::State::is_of_use() const {
  const std::lock_guard lock(mutex);
  return !is_over && !has_new_backends;
}

const config::NamedBackend* BackendWatch::State::find_accepting(const config::UpstreamBackends& of,
                                                                Finding& finding) const {
  const auto& backends = of.backends;
  const std::string upstream(observe::upstream_name(of.upstream));
  std::string found;
  bool is_certain = true;
  for (const config::NamedBackend& backend : backends) {
    if (!is_of_use()) break;
    const ProbeResult result = probe_backend(backend, kProbePatience);
    const bool accepts = result.problem.empty();
    if (!result.is_inconclusive) checks->add(upstream, accepts);
    if (accepts) return &backend;
    is_certain = is_certain && !result.is_inconclusive;
    const std::string url = config::shown_url(backend.url);
    if (backends.size() == 1) {
      found = "the backend " + url +
              (result.is_inconclusive ? " was not probed: " : " accepts no connections: ") +
              result.problem;
    } else {
      append(found, ", ",
             url + (result.is_inconclusive ? " (not probed: " : " (") + result.problem + ")");
    }
  }
  finding.is_certain = finding.is_certain || is_certain;
  if (backends.size() > 1) found = "no backend accepts connections: " + found;
  append(finding.problem, "; ", found);
  return nullptr;
}

Finding BackendWatch::State::look_at(const Needed& all) const {
  Finding finding{.accepting = {}, .problem = {}, .are_several = all.size() > 1};
  for (const config::UpstreamBackends& one : all) {
    const config::NamedBackend* const accepting = find_accepting(one, finding);
    if (accepting != nullptr) append(finding.accepting, ", ", config::shown_url(accepting->url));
  }
  return finding;
}

// Reports under the mutex, so that the destructor waits for a report in progress.
void BackendWatch::State::settle(const Finding& finding) {
  const std::lock_guard lock(mutex);
  if (is_over || has_new_backends) return;
  const bool accepts = finding.problem.empty();
  if (!accepts && !finding.is_certain && *readiness == Readiness::ready) return;
  Readiness from = accepts ? Readiness::no_upstream : Readiness::ready;
  const bool is_other =
      readiness->compare_exchange_strong(from, accepts ? Readiness::ready : Readiness::no_upstream);
  if (accepts && is_other) {
    report(LogLevel::info,
           finding.are_several
               ? "ready: the backends " + finding.accepting + " accept connections"
               : "ready: the backend " + finding.accepting + " accepts connections");
  } else if (!accepts && problem != finding.problem) {
    report(LogLevel::warning, "not ready: " + finding.problem);
  }
  problem = finding.problem;
}

void BackendWatch::State::run() {
  std::unique_lock lock(mutex);
  while (!is_over) {
    const Needed all = needed;
    has_new_backends = false;
    lock.unlock();
    settle(look_at(all));
    lock.lock();
    changed.wait_for(lock, pause, [this] { return is_over || has_new_backends; });
  }
}

BackendWatch::BackendWatch(Needed needed,
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
                       .needed = std::move(needed)}) {
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

void BackendWatch::follow(Needed needed) {
  const std::lock_guard lock(state_->mutex);
  if (state_->needed == needed) return;
  state_->checks->keep([&needed](const std::string& upstream) {
    return std::ranges::any_of(needed, [&upstream](const config::UpstreamBackends& one) {
      return observe::upstream_name(one.upstream) == upstream;
    });
  });
  state_->needed = std::move(needed);
  state_->has_new_backends = true;
  state_->changed.notify_one();
}

}  // namespace onehop::program
