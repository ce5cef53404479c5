// SPDX-License-Identifier: Apache-2.0
//
// The start and the end of a server, and the functions of its threads.
#include "base/exception_text.hpp"
#include "net/locked_memory.hpp"
#include "server/control_group.hpp"
#include "server/server_state.hpp"

#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <pthread.h>

namespace onehop {
namespace {

// Returns the text of the exception being handled.
std::string text_of_failure() noexcept {
  try {
    return exception_text();
  } catch (const std::bad_alloc&) {
    return {};
  }
}

// Overwrites the keys of session tickets when it ends.
class UsedOnce {
 public:
  explicit UsedOnce(std::string& text) noexcept : text_(text) {}
  UsedOnce(const UsedOnce&) = delete;
  UsedOnce& operator=(const UsedOnce&) = delete;
  ~UsedOnce() {
    net::cleanse(text_);
    text_.clear();
  }

 private:
  std::string& text_;
};

// Makes the settings that need no listener. Erases the keys of session tickets, which have no
// further use, even if it fails.
Result<void> make_without_listeners(server::Settings& settings, server::TlsCertificates::Log log) {
  const UsedOnce keys(settings.options->ticket_keys);
  if (auto checked = settings.check(); !checked) return checked;
  if (auto made = settings.make_trusted(); !made) return made;
  return settings.make_tls(std::move(log));
}

// Exists while other threads may post to a worker's event loop.
class Reachable {
 public:
  // The destructor adds the worker's counters to `ended`.
  Reachable(std::mutex& mutex, server::WorkerThread& worker, ServerMetrics& ended) noexcept
      : mutex_(mutex), worker_(worker), ended_(ended) {}
  Reachable(const Reachable&) = delete;
  Reachable& operator=(const Reachable&) = delete;
  ~Reachable() {
    const std::lock_guard lock(mutex_);
    worker_.was_cut = worker_.local->was_cut();
    worker_.local->add_to(ended_);
    ended_.tunnels.open = ended_.websockets.open = ended_.http2.streams = 0;
    worker_.reactor = nullptr;
    worker_.local = nullptr;
  }

 private:
  std::mutex& mutex_;
  server::WorkerThread& worker_;
  ServerMetrics& ended_;
};

}  // namespace

// Turns an exception of a hook into an error. If it left this function, the server would stay half
// started, and stop() would wait for ever.
Result<void> Server::State::try_start(const HandlerFactory& factory) {
  try {
    return start(factory);
  } catch (...) {
    std::string why = "the server did not start: " + exception_text();
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return reported == workers.size(); });
    return failure(Errc::bad_option, Side::local, std::move(why));
  }
}

Result<void> Server::State::start(const HandlerFactory& factory) {
  if (auto prepared = prepare_start(); !prepared) return prepared;
  const server::Settings& settings = common->settings;
  if (settings.options->on_listening) {
    if (auto ready = settings.options->on_listening(); !ready) return ready;
  }
  if (settings.tls) settings.tls->watch();
  common->set_limits();
  const std::size_t count = number_of_workers(*settings.options);

  {
    std::unique_lock lock(mutex);
    start_threads(count, factory);
    changed.wait(lock, [&] { return reported == count; });
    // From here on only the workers hold the sockets, and close them when they drain.
    common->forget_sockets();
    if (start_failure) {
      return failure(Errc::bad_option, Side::local, "a worker did not start: " + *start_failure);
    }
  }
  if (settings.options->accept_at_once) begin_accepting();
  return {};
}

void Server::State::begin_accepting() {
  const std::lock_guard lock(mutex);
  accepting = !workers.empty();
  for (const auto& worker : workers) {
    if (!worker->reactor) continue;
    worker->reactor->mailbox()->post_or_wait([local = worker->local] { local->accept(); });
  }
}

std::size_t Server::State::number_of_workers(const Options& options) {
  return options.workers != 0 ? options.workers : server::usable_cpus();
}

Result<void> Server::State::prepare_start() {
  server::Settings settings = common->settings;
  if (auto made = make_without_listeners(settings, common->log_of_tls()); !made) return made;
  if (settings.options->stop_on_signals) {  // before a client can connect
    auto signals = std::make_unique<server::StopSignals>(
        [this](server::StopSignals::Which which) { stop_on_signal(which); });
    const std::lock_guard lock(mutex);
    stop_signals = std::move(signals);
  }
  if (auto opened = settings.open_listeners(); !opened) return opened;
  common->replace_settings(std::move(settings));
  return {};
}

// Called with the mutex held.
void Server::State::start_threads(std::size_t count, const HandlerFactory& factory) {
  for (std::size_t i = 0; i < count; ++i) {
    auto made = std::make_unique<WorkerThread>();
    WorkerThread& worker = *made;
    try {
      // The state outlives the thread, even if the last Server is destroyed within a handler.
      worker.thread =
          std::thread([state = shared_from_this(), &worker, factory = factory, i]() mutable {
            // Set by the thread itself, since a process may not be allowed to write to /proc.
            ::pthread_setname_np(::pthread_self(), ("onehop/" + std::to_string(i)).c_str());
            state->run_worker(worker, std::move(factory));
          });
    } catch (const std::system_error& error) {
      throw std::runtime_error("cannot start thread " + std::to_string(i + 1) + " of " +
                               std::to_string(count) + " (workers): " + error.code().message());
    }
    workers.push_back(std::move(made));  // has a thread that stop() waits for
  }
}

// The body of a worker's thread.
void Server::State::run_worker(WorkerThread& worker, HandlerFactory factory) {
  std::optional<std::string> problem;
  bool ran = false;
  try {
    io::Reactor reactor;
    io::Reactor::Enter enter(reactor);
    std::shared_ptr<const Handler> handler = std::exchange(factory, {})();
    if (!handler) throw std::invalid_argument("the handler factory returned null");
    server::Worker local(reactor, common, std::move(handler));
    local.listen();
    {
      const std::lock_guard lock(mutex);
      worker.reactor = &reactor;
      worker.loop = &reactor;
      worker.local = &local;
      ++reported;
      changed.notify_all();
    }
    ran = true;
    const Reachable reachable(mutex, worker, ended);
    reactor.run();
  } catch (...) {
    problem = text_of_failure();
  }
  if (problem && ran) log_failure(*problem);
  const std::lock_guard lock(mutex);
  worker.was_cut = worker.was_cut || problem.has_value();
  worker.failed = problem.has_value();
  worker.loop = nullptr;
  worker.ended = true;
  if (problem && !ran) {
    start_failure = std::move(problem);
    ++reported;
  }
  changed.notify_all();
}

void Server::State::log_failure(const std::string& why) noexcept {
  std::size_t serving = 0;
  std::size_t all = 0;
  {
    const std::lock_guard lock(mutex);
    all = workers.size();
    for (const auto& worker : workers)
      serving += worker->reactor ? 1 : 0;
  }
  try {
    common->log(LogLevel::error, "a worker has failed, " + std::to_string(serving) + " of " +
                                     std::to_string(all) + " continue: " + why);
  } catch (const std::bad_alloc&) {  // the line is lost
  }
}

// Returns the result of run() after a start.
int Server::State::run_to_end(const Result<void>& started_well) {
  if (!started_well) {
    common->log(LogLevel::error, started_well.error().to_string());
    return 1;
  }
  return wait_to_end() ? 0 : 1;
}

bool Server::State::wait_to_end() {
  std::unique_lock lock(mutex);
  if (is_held_by_caller()) return false;
  changed.wait(lock, [&] { return life != Life::starting && has_ended(); });
  const auto signals = std::move(stop_signals);
  const bool is_well = std::none_of(workers.begin(), workers.end(),
                                    [](const auto& worker) { return worker->failed; });
  lock.unlock();  // before `signals` ends, whose thread may need it
  return is_well;
}

void Server::State::begin_stop(Duration deadline) {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return life != Life::starting; });
  if (life == Life::started) move_to(Life::stopping);
  for (const auto& worker : workers) {
    if (!worker->reactor) continue;
    io::Reactor* reactor = worker->reactor;
    server::Worker* local = worker->local;
    reactor->mailbox()->post_or_wait([reactor, local, deadline] {
      local->drain(io::deadline_after(reactor->now(), deadline), [reactor] { reactor->stop(); });
    });
  }
}

void Server::State::stop_on_signal(server::StopSignals::Which which) {
  const bool is_first = which == server::StopSignals::Which::first;
  common->log(LogLevel::info, is_first ? "stopping on a signal; a second one stops at once"
                                       : "stopping at once on a second signal");
  begin_stop(is_first ? common->current_options()->stop_timeout.value() : Duration::zero());
}

}  // namespace onehop
