// SPDX-License-Identifier: Apache-2.0
//
// ReloadQueue: runs reloads one after the other on a thread of its own. Requests that arrive during
// a reload share the next one: it reads the newest files, so nothing is lost.
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
  // `trigger`: who asked, for the log: "HUP".
  using Reload = std::function<Result(const std::string& trigger)>;

  // Called for requests that no reload follows, on the thread that asks or that refuses.
  using OnRefused = std::function<void(const std::string& trigger, const Result& refusal)>;

  // `reload` is called on the queue's thread. Neither must throw. `what`: "reload", for people.
  explicit ReloadQueue(Reload reload, OnRefused on_refused = {}, std::string what = "reload");
  ReloadQueue(const ReloadQueue&) = delete;
  ReloadQueue& operator=(const ReloadQueue&) = delete;
  ~ReloadQueue() { close("the process ends"); }

  // Requests a reload that begins after this call. Returns its result, which the caller may drop.
  std::shared_future<Result> request(const std::string& trigger);
  // The result of a request that no reload follows.
  Result refusal(const std::string& why) const;
  // Refuses reloads from now on, and those that wait, but does not wait for the one that runs.
  void refuse(const std::string& why);
  // Refuses them, and returns when the last one has ended, on every thread that calls it.
  void close(const std::string& why);

 private:
  // Requests that one reload answers.
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
  std::thread thread_;  // last: it uses the rest; joined under join_mutex_
};

}  // namespace onehop::program
