// SPDX-License-Identifier: Apache-2.0
#include <onehop/server.hpp>

#include "base/exception_text.hpp"
#include "base/held_memory.hpp"
#include "net/listen_overlap.hpp"
#include "server/control_group.hpp"
#include "server/stop_signals.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <pthread.h>

namespace onehop {
namespace {

using HandlerFactory = std::function<std::shared_ptr<const Handler>()>;

// A worker's thread.
struct WorkerThread {
  std::thread thread;
  // Set by the thread, before it reports that it runs; they live until it has ended.
  io::Reactor* reactor = nullptr;
  server::Worker* local = nullptr;
  bool ended = false;
  bool failed = false;  // by an exception that left its event loop
  bool was_cut = false;
};

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  explicit State(Options given) : common(std::make_shared<server::ServerShared>()) {
    common->options = std::move(given);
  }

  // Lives while other threads may post to a worker's event loop.
  struct Reachable {
    Reachable(State& s, WorkerThread& w) noexcept : state(s), worker(w) {}
    Reachable(const Reachable&) = delete;
    Reachable& operator=(const Reachable&) = delete;
    ~Reachable() {
      const std::lock_guard lock(state.mutex);
      worker.was_cut = worker.local->was_cut();
      worker.reactor = nullptr;
      worker.local = nullptr;
    }
    State& state;
    WorkerThread& worker;
  };

  // Both with the mutex held.
  bool has_ended() const {
    return std::ranges::all_of(workers, [](const auto& worker) { return worker->ended; });
  }
  // Also outside its event loop: the last reference to a Server may go with its thread.
  bool is_ours(std::thread::id thread) const {
    if (stop_signals && stop_signals->is_thread(thread)) return true;
    return std::ranges::any_of(
        workers, [thread](const auto& worker) { return worker->thread.get_id() == thread; });
  }

  int run_to_end(const Result<void>& started_well);
  Result<void> try_start(const HandlerFactory& factory);
  Result<void> start(const HandlerFactory& factory);
  Result<void> open_listeners();
  void run_worker(WorkerThread& worker, const HandlerFactory& factory);
  // Says how many workers are left, too.
  void log_failure(const std::string& why);
  bool wait_to_end();
  // Tells the workers to drain.
  void begin_stop(Duration deadline);
  void stop_on_signal(server::StopSignals::Which which);
  std::shared_ptr<server::TlsCertificates> tls() {
    const std::lock_guard lock(mutex);
    return certificates;
  }

  std::shared_ptr<server::ServerShared> common;

  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex.
  std::vector<std::string> addresses;
  std::shared_ptr<server::TlsCertificates> certificates;  // null before start, and without TLS
  std::vector<std::unique_ptr<WorkerThread>> workers;
  std::size_t reported = 0;  // workers that run or have failed to
  std::optional<std::string> start_failure;
  bool started = false;
  bool starting = false;  // stop() waits until every worker can be reached
  std::unique_ptr<server::StopSignals> stop_signals;  // last: its thread uses the rest
};

Result<void> Server::State::open_listeners() {
  net::ListenOptions listen;
  listen.defer_accept = common->options.defer_accept;
  std::vector<net::ListenerName> listeners;
  for (const std::string& text : common->options.listen.list()) {
    auto address = net::Address::parse_listen(text);
    if (!address) return failure(address.error());
    listeners.push_back({text, *address});
  }
  if (std::string overlap = net::why_listeners_overlap(listeners); !overlap.empty()) {
    return failure(Errc::bad_option, Side::local, "listen: " + overlap);
  }
  for (const auto& [text, address] : listeners) {
    const bool with_tls = net::listens_with_tls(text, common->tls != nullptr);
    if (with_tls && !common->tls) {
      return failure(Errc::bad_option, Side::local,
                     "cannot listen on " + text + ": TLS needs a certificate, and none was given");
    }
    auto listener = net::TcpListener::open(address, listen);
    if (!listener) return failure(listener.error());
    common->listeners.push_back(std::make_shared<net::TcpListener>(std::move(*listener)));
    common->with_tls.push_back(with_tls);
    common->local_names.push_back(common->listeners.back()->address().to_string());
  }
  const std::lock_guard lock(mutex);
  addresses = common->local_names;
  certificates = common->tls;
  return {};
}

// The body of a worker's thread.
void Server::State::run_worker(WorkerThread& worker, const HandlerFactory& factory) {
  std::optional<std::string> problem;
  bool ran = false;
  try {
    io::Reactor reactor;
    io::Reactor::Enter enter(reactor);
    std::shared_ptr<const Handler> handler = factory();
    if (!handler) throw std::invalid_argument("the handler factory returned null");
    server::Worker local(reactor, common, std::move(handler));
    local.listen();
    {
      const std::lock_guard lock(mutex);
      worker.reactor = &reactor;
      worker.local = &local;
      ++reported;
      changed.notify_all();
    }
    ran = true;
    const Reachable reachable(*this, worker);
    reactor.run();
  } catch (...) {
    problem = exception_text();
  }
  if (problem && ran) log_failure(*problem);
  const std::lock_guard lock(mutex);
  if (problem && !ran) {
    start_failure = problem;
    ++reported;
  }
  worker.was_cut = worker.was_cut || problem.has_value();
  worker.failed = problem.has_value();
  worker.ended = true;
  changed.notify_all();
}

void Server::State::log_failure(const std::string& why) {
  std::size_t serving = 0;
  std::size_t all = 0;
  {
    const std::lock_guard lock(mutex);
    all = workers.size();
    for (const auto& worker : workers)
      serving += worker->reactor ? 1 : 0;
  }
  common->log(LogLevel::error, "a worker has failed, " + std::to_string(serving) + " of " +
                                   std::to_string(all) + " go on: " + why);
}

Server::Server() : Server(Options()) {}
Server::Server(Options options) : state_(std::make_shared<State>(std::move(options))) {}
Server::~Server() {
  stop(Duration::zero());
  // If this is a handler's thread, the workers end on their own, with the state that they share.
  const std::lock_guard lock(state_->mutex);
  for (const auto& worker : state_->workers)
    if (worker->thread.joinable()) worker->thread.detach();
}

Result<void> Server::start(std::shared_ptr<const Handler> handler) {
  if (!handler) return failure(Errc::bad_option, Side::local, "the handler is null");
  return start_per_worker([handler] { return handler; });
}

Result<void> Server::start_per_worker(HandlerFactory factory) {
  if (!factory) return failure(Errc::bad_option, Side::local, "the handler factory is empty");
  State& state = *state_;
  {
    const std::lock_guard lock(state.mutex);
    if (state.started)
      return failure(Errc::bad_option, Side::local, "the server was started before");
    state.started = state.starting = true;
  }
  auto started = state.try_start(factory);
  {
    const std::lock_guard lock(state.mutex);
    state.starting = false;
    state.changed.notify_all();
  }
  if (!started) {
    stop(Duration::zero());
    state.common->listeners.clear();  // clients that connect are refused, not left waiting
  }
  return started;
}

// An exception of a hook must not leave the server half started: stop() would wait for ever.
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
  if (common->options.workers > kMaxWorkers) {
    return failure(Errc::bad_option, Side::local,
                   "workers: " + std::to_string(common->options.workers) +
                       " threads; the maximum is " + std::to_string(kMaxWorkers));
  }
  if (common->options.max_connections_per_client == 0 ||
      common->options.max_requests_per_client == 0) {
    return failure(Errc::bad_option, Side::local,
                   "max_connections_per_client, max_requests_per_client: 0 allows none; use "
                   "onehop::no_limit");
  }
  common->prepare_trust();
  if (auto prepared = common->prepare_tls(); !prepared) return prepared;
  if (common->options.stop_on_signals) {  // before a client can connect
    auto signals = std::make_unique<server::StopSignals>(
        [this](server::StopSignals::Which which) { stop_on_signal(which); });
    const std::lock_guard lock(mutex);
    stop_signals = std::move(signals);
  }
  if (auto opened = open_listeners(); !opened) return opened;
  if (common->options.on_listening) {
    if (auto ready = common->options.on_listening(); !ready) return ready;
  }
  if (common->tls) common->tls->watch();
  common->set_limits();
  const std::size_t count =
      common->options.workers ? common->options.workers : server::usable_cpus();

  std::unique_lock lock(mutex);
  for (std::size_t i = 0; i < count; ++i) {
    auto made = std::make_unique<WorkerThread>();
    WorkerThread& worker = *made;
    try {
      // The state outlives the thread also where the last Server dies inside a handler.
      worker.thread = std::thread(
          [state = shared_from_this(), &worker, factory] { state->run_worker(worker, factory); });
    } catch (const std::system_error& error) {
      throw std::runtime_error("the system refuses thread " + std::to_string(i + 1) + " of " +
                               std::to_string(count) + " (workers): " + error.code().message());
    }
    workers.push_back(std::move(made));  // with a thread: stop() waits for it
    ::pthread_setname_np(worker.thread.native_handle(), ("onehop/" + std::to_string(i)).c_str());
  }
  changed.wait(lock, [&] { return reported == count; });
  // From here on the workers alone hold the listeners, and close them when they drain.
  common->listeners.clear();
  if (!start_failure) return {};
  return failure(Errc::bad_option, Side::local, "a worker did not start: " + *start_failure);
}

int Server::run(std::shared_ptr<const Handler> handler) {
  const std::shared_ptr<State> state = state_;
  return state->run_to_end(start(std::move(handler)));
}

int Server::run_per_worker(HandlerFactory factory) {
  const std::shared_ptr<State> state = state_;
  return state->run_to_end(start_per_worker(std::move(factory)));
}

// Returns what run() does, after a start.
int Server::State::run_to_end(const Result<void>& started_well) {
  if (!started_well) {
    common->log(LogLevel::error, started_well.error().to_string());
    return 1;
  }
  return wait_to_end() ? 0 : 1;
}

bool Server::wait() {
  const std::shared_ptr<State> state = state_;
  return state->wait_to_end();
}

bool Server::State::wait_to_end() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return !starting && has_ended(); });
  const auto signals = std::move(stop_signals);
  const bool is_well = std::none_of(workers.begin(), workers.end(),
                                    [](const auto& worker) { return worker->failed; });
  lock.unlock();  // before the end of `signals`, whose thread may want it
  return is_well;
}

void Server::State::begin_stop(Duration deadline) {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return !starting; });
  for (const auto& worker : workers) {
    if (!worker->reactor) continue;
    io::Reactor* reactor = worker->reactor;
    server::Worker* local = worker->local;
    reactor->post([reactor, local, deadline] {
      local->drain(io::deadline_after(reactor->now(), deadline), [reactor] { reactor->stop(); });
    });
  }
}

void Server::State::stop_on_signal(server::StopSignals::Which which) {
  const bool is_first = which == server::StopSignals::Which::first;
  common->log(LogLevel::info, is_first ? "stopping on a signal; a second one stops at once"
                                       : "stopping at once on a second signal");
  begin_stop(is_first ? common->options.stop_timeout.value() : Duration::zero());
}

bool Server::stop(Limit<Duration> deadline) {
  const std::shared_ptr<State> state = state_;
  state->begin_stop(deadline);
  std::unique_lock lock(state->mutex);
  // A worker, or Options::log on the thread of the signals, would wait for itself.
  if (state->is_ours(std::this_thread::get_id())) return false;
  state->changed.wait(lock, [&] { return state->has_ended(); });
  bool whole = true;
  std::vector<std::thread> threads;
  for (const auto& worker : state->workers) {
    whole = whole && !worker->was_cut;
    if (worker->thread.joinable()) threads.push_back(std::move(worker->thread));
  }
  const auto signals = std::move(state->stop_signals);
  lock.unlock();  // before the end of `signals`, whose thread may want it
  for (std::thread& thread : threads)
    thread.join();
  return whole;
}

std::vector<std::string> Server::addresses() const {
  const std::lock_guard lock(state_->mutex);
  return state_->addresses;
}

Result<void> Server::reload_tls() {
  const auto tls = state_->tls();
  return tls ? tls->reload() : Result<void>();
}

std::vector<TlsCertificateInfo> Server::certificates() const {
  const auto tls = state_->tls();
  return tls ? tls->certificates() : std::vector<TlsCertificateInfo>();
}

std::size_t Server::connections() const {
  return state_->common->admission.connections();
}

std::size_t Server::requests() const {
  const std::lock_guard lock(state_->mutex);
  std::size_t sum = 0;
  for (const auto& worker : state_->workers) {
    if (worker->local) sum += worker->local->requests().now();
  }
  return sum;
}

std::size_t Server::memory_in_use() const noexcept {
  return held_memory();
}

}  // namespace onehop
