// SPDX-License-Identifier: Apache-2.0
//
// Server::State is the worker threads of a server, and the state that its functions share. The
// functions are in server_start.cpp, server_update.cpp and server_observation.cpp.
// Thread: any.
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
  // Set by the thread before it reports that it runs, and null again before it ends.
  io::Reactor* reactor = nullptr;
  Worker* local = nullptr;
  const io::Reactor* loop = nullptr;  // until the thread ends; only for comparison
  std::size_t unanswered = 0;         // questions without a response
  bool ended = false;
  bool failed = false;  // an exception ended the thread
  bool was_cut = false;
};

}  // namespace server

struct Server::State : std::enable_shared_from_this<Server::State> {
  using WorkerThread = server::WorkerThread;

  explicit State(Options given) : common(std::make_shared<server::ServerShared>()) {
    *common->settings.options = std::move(given);
  }

  // In the order in which they follow each other.
  enum class Life : std::uint8_t {
    unstarted,
    starting,  // stop() waits until every worker can be reached
    started,   // or the start has failed
    stopping,
  };
  // The caller of this function and of the next three holds the mutex.
  void move_to(Life next) {
    ONEHOP_DCHECK(static_cast<int>(next) == static_cast<int>(life) + 1);
    life = next;
  }
  bool has_ended() const {
    return std::ranges::all_of(workers, [](const auto& worker) { return worker->ended; });
  }
  // Reports whether this thread is one of the server's, even outside its event loop: the thread may
  // release the last reference to a Server when it ends.
  bool is_on_own_thread() const {
    const std::thread::id thread = std::this_thread::get_id();
    if (stop_signals && stop_signals->is_thread(thread)) return true;
    return std::ranges::any_of(
        workers, [thread](const auto& worker) { return worker->thread.get_id() == thread; });
  }
  // Reports whether the workers cannot end before the calling function returns: this thread is one
  // of theirs, or runs a function that one of them has offloaded.
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
  // Keeps `factory`, and the objects that it owns, only until it was called.
  void run_worker(WorkerThread& worker, HandlerFactory factory);
  // Logs why a worker failed, and how many are left.
  void log_failure(const std::string& why) noexcept;

  // --- the end ---
  bool wait_to_end();
  // Asks the workers to drain.
  void begin_stop(Duration deadline);
  void stop_on_signal(server::StopSignals::Which which);

  // --- an update ---
  Result<void> update(Options options, const HandlerFactory& factory);
  // Returns an error if the server cannot be updated at present.
  Result<void> check_updatable();
  Result<server::Settings> next_settings(Options options);
  Result<void> switch_to(server::Settings next, const HandlerFactory& factory);
  using Step = std::function<void(server::Worker&)>;
  // The first failure of a worker, if there is one.
  using Round = server::Round<std::optional<Error>>;
  void begin(const std::shared_ptr<Round>& round, const Step& step) noexcept;

  // --- observation ---
  using Question = std::function<void(server::Worker&)>;
  // Asks every worker, and returns when all have responded, or after `timeout`. `question` may be
  // called or destroyed after that.
  Pinged ask(Duration timeout, const Question& question);

  std::shared_ptr<server::ServerShared> common;

  std::mutex updating;  // one update at a time; taken before `mutex`

  std::mutex mutex;
  std::condition_variable changed;
  // Guarded by mutex.
  std::vector<std::unique_ptr<WorkerThread>> workers;
  ServerMetrics ended;       // counters of workers that have ended
  std::size_t reported = 0;  // workers that run or failed to start
  std::optional<std::string> start_failure;
  Life life = Life::unstarted;
  bool accepting = false;
  std::unique_ptr<server::StopSignals> stop_signals;  // last: its thread uses the rest
};

}  // namespace onehop
