// SPDX-License-Identifier: Apache-2.0
//
// The update of a server. It first makes everything that can fail, and then each worker switches.
#include "base/exception_text.hpp"
#include "server/refuse.hpp"
#include "server/server_state.hpp"

#include <new>
#include <optional>
#include <string>
#include <utility>

namespace onehop {

using server::refuse;

namespace {

// Called in a catch block. Records the exception as the failure of the round, unless there is one.
// It must not throw, which would end the worker.
template <class Share>
void fail_with_exception(const Share& share) noexcept {
  const auto fail = [&share](Error error) {
    share.update([&](std::optional<Error>& failure) {
      if (!failure) failure = std::move(error);
    });
  };
  try {
    fail(Error(Errc::bad_option, Side::local, "a worker cannot switch: " + exception_text()));
  } catch (const std::bad_alloc&) {
    fail(Error(Errc::overloaded, Side::local));
  }
}

}  // namespace

// Called with the mutex held. Posts `step`, which must live until the round is over, to every
// worker. The caller calls Round::wait() without the mutex, since the workers may need it.
void Server::State::begin(const std::shared_ptr<Round>& round, const Step& step) noexcept {
  for (const auto& worker : workers) {
    if (!worker->reactor) continue;
    const auto take = [share = Round::Share(round), local = worker->local, &step] {
      try {
        step(*local);
      } catch (...) {
        fail_with_exception(share);
      }
    };
    worker->reactor->mailbox()->post_or_wait(take);
  }
}

Result<void> Server::State::update(Options options, const HandlerFactory& factory) {
  {
    const std::lock_guard lock(mutex);
    if (is_on_own_thread()) {
      return refuse("update() waits for every worker: call it on another thread, with offload()");
    }
  }
  const std::lock_guard one_at_a_time(updating);
  try {
    if (auto can = check_updatable(); !can) return can;
    auto next = next_settings(std::move(options));
    if (!next) return failure(next.error());
    return switch_to(std::move(*next), factory);
  } catch (...) {
    return refuse("the server was not updated: " + exception_text());
  }
}

Result<void> Server::State::check_updatable() {
  const std::lock_guard lock(mutex);
  if (life < Life::started) return refuse("update() needs a running server: call start() first");
  if (!accepting) return refuse("update() needs a server that accepts: call accept() first");
  if (life == Life::stopping || has_ended())
    return refuse("the server was not updated: it is stopping or has stopped");
  return {};
}

// Makes the settings and opens new sockets, while the server continues as before.
Result<server::Settings> Server::State::next_settings(Options options) {
  const server::Settings before = common->current_settings();
  if (options.workers != before.options->workers && number_of_workers(options) != workers.size()) {
    return refuse("workers cannot change while the server runs: it has " +
                  std::to_string(workers.size()));
  }
  if (options.stop_on_signals != before.options->stop_on_signals) {
    return refuse("stop_on_signals cannot change while the server runs");
  }
  server::Settings next;
  *next.options = std::move(options);
  if (auto checked = next.check(); !checked) return failure(checked.error());
  if (auto made = next.make_trusted(); !made) return failure(made.error());
  if (auto made = next.make_tls(common->log_of_tls(), &before); !made) {
    return failure(made.error());
  }
  if (auto opened = next.open_listeners(&before); !opened) return failure(opened.error());
  if (next.tls) next.tls->watch();
  return next;
}

Result<void> Server::State::switch_to(server::Settings next, const HandlerFactory& factory) {
  const auto limits = server::Admission::limits_of(*next.options);
  const auto first = std::make_shared<Round>();
  const auto second = std::make_shared<Round>();
  // Each worker calls a copy of `factory`, as at the start.
  const Step prepare = [&](server::Worker& worker) {
    const HandlerFactory own = factory;
    worker.prepare(next, own);
  };
  const Step commit = [](server::Worker& worker) { worker.commit(); };
  const Step discard = [](server::Worker& worker) { worker.discard(); };
  server::Settings installed = next;
  Error stopped = refuse("the server was not updated: it is stopping").error();
  server::Settings before;  // ends after the switch, since its TLS may wait for a thread
  {
    const std::lock_guard lock(mutex);
    begin(first, prepare);
  }
  std::optional<Error> problem = first->wait();

  // Nothing can fail from here on, not even for want of memory.
  std::unique_lock lock(mutex);
  if (!problem && life == Life::stopping) problem.emplace(std::move(stopped));
  const bool is_ready = !problem;
  if (is_ready) {
    before = common->replace_settings(std::move(installed));
    common->admission.set_limits(limits);
    for (const server::OpenListener& one : before.listeners)
      if (!next.has(*one.listener)) one.listener->remove();
  }
  begin(second, is_ready ? commit : discard);
  lock.unlock();
  (void)second->wait();
  if (!is_ready) return failure(std::move(*problem));
  common->forget_sockets();
  return {};
}

}  // namespace onehop
