// SPDX-License-Identifier: Apache-2.0
//
// The observation of a server: pings, requests in flight, and metrics.
#include <onehop/offload.hpp>

#include "base/held_memory.hpp"
#include "server/round.hpp"
#include "server/server_state.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <new>
#include <utility>

namespace onehop {
namespace {

// The maximum number of questions that a worker has not responded to. More than can be asked at the
// same time: by every thread of offload(), and by a few others.
constexpr std::size_t kMaxUnanswered = kMaxOffloadThreads + 16;

ServerMetrics::Worker metrics_of(const io::Reactor& reactor, std::size_t requests) {
  const io::PassTimes& times = reactor.pass_times();
  return {.passes = times.durations(),
          .longest_pass = times.longest(),
          .busy_for = times.busy_for(std::chrono::steady_clock::now()),
          .requests = requests};
}

// Collects the requests of all workers.
class AllRequests {
 public:
  void add(RequestsInFlight some) {
    const std::lock_guard lock(mutex_);
    move_to(all_.requests, some.requests);
    move_to(all_.tunnels, some.tunnels);
  }
  RequestsInFlight take(std::size_t max) {
    const std::lock_guard lock(mutex_);
    for (auto* const rows : {&all_.requests, &all_.tunnels}) {
      std::ranges::sort(*rows, std::greater{}, &RequestInFlight::age);
      if (rows->size() > max) rows->resize(max);
    }
    return std::move(all_);
  }

 private:
  static void move_to(std::vector<RequestInFlight>& all, std::vector<RequestInFlight>& some) {
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }

  std::mutex mutex_;
  RequestsInFlight all_;
};

}  // namespace

Server::Pinged Server::State::ask(Duration timeout, const Question& question) {
  using Answers = server::Round<std::size_t>;
  const auto answers = std::make_shared<Answers>();
  Pinged pinged;
  {
    const std::lock_guard lock(mutex);
    pinged.workers = workers.size();
    for (const auto& worker : workers) {
      if (worker->failed) ++pinged.failed;
      if (!worker->reactor || worker->unanswered >= kMaxUnanswered) continue;
      worker->reactor->post([self = shared_from_this(), share = Answers::Share(answers), question,
                             one = worker.get()] {
        {
          const std::lock_guard answering(self->mutex);
          --one->unanswered;
        }
        try {
          question(*one->local);  // only the worker's own thread resets it
          share.update([](std::size_t& answered) { ++answered; });
        } catch (const std::bad_alloc&) {  // counts as no response
        }
      });
      ++worker->unanswered;  // under the mutex, which the worker needs to decrement it
    }
  }
  pinged.answered = answers->wait(timeout);
  return pinged;
}

Server::Pinged Server::ping(Duration timeout) const {
  const std::shared_ptr<State> state = state_;
  return state->ask(timeout, [](server::Worker&) {});
}

RequestsInFlight Server::requests_in_flight(std::size_t max, Duration timeout) const {
  const std::shared_ptr<State> state = state_;
  const auto all = std::make_shared<AllRequests>();
  const Pinged pinged = state->ask(
      timeout, [all, max](server::Worker& worker) { all->add(worker.requests_in_flight(max)); });
  RequestsInFlight result = all->take(max);
  result.silent_workers = pinged.workers - pinged.answered;
  return result;
}

ServerMetrics Server::metrics() const {
  server::ServerShared& common = *state_->common;
  ServerMetrics all;
  {
    const std::lock_guard lock(state_->mutex);
    all = state_->ended;
    for (const auto& worker : state_->workers) {
      if (!worker->local) {  // it has ended; the others keep their positions
        all.workers.emplace_back();
        continue;
      }
      worker->local->add_to(all);
      const std::size_t requests = worker->local->requests().now();
      all.requests += requests;
      all.workers.push_back(metrics_of(*worker->reactor, requests));
    }
  }
  for (const server::OpenListener& one : common.current_settings().listeners) {
    all.listeners.push_back({.address = one.listener->name(),
                             .connections = one.listener->connections(),
                             .connections_total = one.listener->accepted()});
  }
  all.connections = common.admission.connections();
  all.connections_total = common.admission.accepted();
  all.overload_refusals_total = common.admission.refused_requests();
  all.memory_held = held_memory();
  if (common.admission.has_memory_limit()) all.memory_limit = common.admission.memory_limit();
  all.log_lines_lost_total = common.default_log.lost();
  return all;
}

}  // namespace onehop
