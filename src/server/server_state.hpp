// SPDX-License-Identifier: Apache-2.0
//
// Server::State: the worker threads of a server, and what its functions share. Its start, its end
// and its updates are a source each. Thread: any.
#pragma once

#include <onehop/server.hpp>

#include "base/check.hpp"
#include "io/offloads.hpp"
#include "server/round.hpp"
#include "server/stop_signals.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace onehop {
namespace server {

// A worker's thread.
struct WorkerThread {
  std::thread thread;
  // Set by the thread, before it reports that it runs; they live until it has ended.
  io::Reactor* reactor = nullptr;
  Worker* local = nullptr;
  const io::Reactor* loop = nullptr;  // until the thread ends; to compare
  std::size_t unanswered = 0;         // questions
  bool ended = false;
  bool failed = false;  // by an exception that left its event loop
  bool was_cut = false;
};

}  // namespace server

struct Server::State : std::enable_shared_from_this<Server::State> {
  using WorkerThread = server::WorkerThread;

  explicit State(Options given) : common(std::make_shared<server::ServerShared>()) {
    *common->settings.options = std::move(given);
  }

  // In this order.
  enum class Life : std::uint8_t {
    unstarted,
    starting,  // stop() waits until every worker can be reached
    started,   // or the start has failed
    stopping,
  };
  // The caller holds the mutex, for the functions that follow too.
  void move_to(Life next) {
    ONEHOP_DCHECK(static_cast<int>(next) == static_cast<int>(life) + 1);
    life = next;
  }
  bool has_ended() const {
    return std::ranges::all_of(workers, [](const auto& worker) { return worker->ended; });
  }
  // This is a thread of the server, also outside its event loop: the last reference to a Server may
  // go with its thread.
  bool is_on_own_thread() const {
    const std::thread::id thread = std::this_thread::get_id();
    if (stop_signals && stop_signals->is_thread(thread)) return true;
    return std::ranges::any_of(
        workers, [thread](const auto& worker) { return worker->thread.get_id() == thread; });
  }
  // Its workers do not end before the calling function has returned: this is a thread of theirs, or
  // runs a function that one of them has offloaded.
  bool is_held_by_caller() const {
    const io::Reactor* const offloading = io::offloading_reactor();
    if (is_on_own_thread()) return true;
    return offloading && std::ranges::any_of(workers, [offloading](const auto& worker) {
             return worker->loop == offloading;
           });
  }

  // --- the start ---
  int run_to_end(const Result<void>& started_well);
  Result<void> try_start(const HandlerFactory& factory);
  Result<void> start(const HandlerFactory& factory);
  Result<void> prepare_start();
  static std::size_t number_of_workers(const Options& options);
  void start_threads(std::size_t count, const HandlerFactory& factory);
  void begin_accepting();
  // Keeps `factory`, and what that keeps, no longer than it takes to call it.
  void run_worker(WorkerThread& worker, HandlerFactory factory);
  // Says how many workers are left, too.
  void log_failure(const std::string& why) noexcept;

  // --- the end ---
  bool wait_to_end();
  // Asks the workers to drain.
  void begin_stop(Duration deadline);
  void stop_on_signal(server::StopSignals::Which which);

  // --- an update ---
  Result<void> update(Options options, const HandlerFactory& factory);
  // Why there can be no update now.
  Result<void> check_updatable();
  Result<server::Settings> next_settings(Options options);
  Result<void> switch_to(server::Settings next, const HandlerFactory& factory);
  using Step = std::function<void(server::Worker&)>;
  // The first failure of a worker, if there is one.
  using Round = server::Round<std::optional<Error>>;
  void begin(const std::shared_ptr<Round>& round, const Step& step) noexcept;

  // --- what it reports ---
  using Question = std::function<void(server::Worker&)>;
  // Asks every worker, and returns when all have answered, or after `timeout`. `question` may be
  // asked, or destroyed, later than that.
  Pinged ask(Duration timeout, const Question& question);

  std::shared_ptr<server::ServerShared> common;

  std::mutex updating;  // one update at a time; taken before `mutex`

  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex.
  std::vector<std::unique_ptr<WorkerThread>> workers;
  ServerMetrics ended;       // counters of workers that have ended
  std::size_t reported = 0;  // workers that run or have failed to
  std::optional<std::string> start_failure;
  Life life = Life::unstarted;
  bool accepting = false;
  std::unique_ptr<server::StopSignals> stop_signals;  // last: its thread uses the rest
};

}  // namespace onehop
