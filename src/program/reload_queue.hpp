// SPDX-License-Identifier: Apache-2.0
//
// ReloadQueue runs reloads one at a time on its own thread. Requests that arrive during a reload
// share the next one, which reads the newest files, so no change is missed.
// Thread: any.
#pragma once

#include "observe/admin_actions.hpp"

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace onehop::program {

class ReloadQueue {
 public:
  using Result = observe::ActionResult;
  // `trigger` names the source of the request for the log, such as "HUP".
  using Reload = std::function<Result(const std::string& trigger)>;

  // Called for each refused request, on the thread that calls request(), refuse() or close().
  using OnRefused = std::function<void(const std::string& trigger, const Result& refusal)>;

  // Calls `reload` on the queue's thread. Neither function may throw. `what` names the operation in
  // messages.
  explicit ReloadQueue(Reload reload, OnRefused on_refused = {}, std::string what = "reload");
  ReloadQueue(const ReloadQueue&) = delete;
  ReloadQueue& operator=(const ReloadQueue&) = delete;
  ~ReloadQueue() { close("the process is ending"); }

  // Requests a reload that begins after this call. Returns its result, which the caller may ignore.
  std::shared_future<Result> request(const std::string& trigger);
  // Returns the result of a refused request.
  Result refusal(const std::string& why) const;
  // Refuses waiting and later requests. Does not wait for the reload in progress.
  void refuse(const std::string& why);
  // Like refuse(), but returns when the reload in progress has ended. Several threads may call it.
  void close(const std::string& why);

 private:
  // The requests that share one reload.
  struct Batch {
    explicit Batch(std::string trigger)
        : triggers(std::move(trigger)), result(promise.get_future().share()) {}
    std::string triggers;
    std::promise<Result> promise;
    std::shared_future<Result> result;
  };

  void run();
  void settle_refused(Batch& batch, const Result& refused);

  const Reload reload_;
  const OnRefused on_refused_;
  const std::string what_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::optional<Batch> waiting_;
  std::optional<std::string> closed_because_;
  std::mutex join_mutex_;
  std::thread thread_;  // last, because it uses the other members; joined under join_mutex_
};

}  // namespace onehop::program
