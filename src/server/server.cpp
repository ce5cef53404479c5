// SPDX-License-Identifier: Apache-2.0
#include <onehop/server.hpp>

#include "base/held_memory.hpp"
#include "server/server_state.hpp"

#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

namespace onehop {

Server::Server() : Server(Options()) {}
Server::Server(Options options) : state_(std::make_shared<State>(std::move(options))) {}
Server::~Server() {
  stop(Duration::zero());
  // On a handler's thread stop() does not wait: the workers end on their own. They share the state.
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
    if (state.life != State::Life::unstarted)
      return failure(Errc::bad_option, Side::local, "the server was started before");
    state.move_to(State::Life::starting);
  }
  auto started = state.try_start(factory);
  {
    const std::lock_guard lock(state.mutex);
    state.move_to(State::Life::started);
    state.changed.notify_all();
  }
  if (!started) {
    stop(Duration::zero());
    state.common->forget_sockets();  // clients that connect are refused, not left waiting
  }
  return started;
}

int Server::run(std::shared_ptr<const Handler> handler) {
  const std::shared_ptr<State> state = state_;
  return state->run_to_end(start(std::move(handler)));
}

int Server::run_per_worker(HandlerFactory factory) {
  const std::shared_ptr<State> state = state_;
  return state->run_to_end(start_per_worker(std::move(factory)));
}

bool Server::wait() {
  const std::shared_ptr<State> state = state_;
  return state->wait_to_end();
}

bool Server::stop(Limit<Duration> deadline) {
  const std::shared_ptr<State> state = state_;
  state->begin_stop(deadline);
  std::unique_lock lock(state->mutex);
  // A worker, a function that it has offloaded, and Options::log on the thread of the signals would
  // wait for themselves.
  if (state->is_held_by_caller()) return false;
  state->changed.wait(lock, [&] { return state->has_ended(); });
  bool whole = true;
  for (const auto& worker : state->workers) {
    whole = whole && !worker->was_cut;
    if (!worker->thread.joinable()) continue;
    std::thread thread = std::move(worker->thread);
    lock.unlock();
    thread.join();
    lock.lock();
  }
  const auto signals = std::move(state->stop_signals);
  lock.unlock();  // before `signals` ends, whose thread may need it
  return whole;
}

Result<void> Server::update(Options options, std::shared_ptr<const Handler> handler) {
  if (!handler) return failure(Errc::bad_option, Side::local, "the handler is null");
  try {
    return update_per_worker(std::move(options), [handler] { return handler; });
  } catch (const std::bad_alloc&) {  // from making the factory
    return failure(Errc::bad_option, Side::local, "the server was not updated: no memory");
  }
}

Result<void> Server::update_per_worker(Options options, HandlerFactory factory) {
  if (!factory) return failure(Errc::bad_option, Side::local, "the handler factory is empty");
  const std::shared_ptr<State> state = state_;
  return state->update(std::move(options), factory);
}

void Server::accept() {
  state_->begin_accepting();
}

std::vector<std::string> Server::addresses() const {
  return state_->common->current_settings().addresses();
}

std::vector<Server::OpenSocket> Server::open_sockets() const {
  std::vector<OpenSocket> open;
  for (const server::OpenListener& one : state_->common->current_settings().listeners) {
    const auto socket = one.listener->socket();
    if (!socket) continue;
    open.push_back({.descriptor = socket->descriptor(),
                    .requested = one.listener->wanted().to_string(),
                    .handed_over = true});
  }
  return open;
}

void Server::leave_socket_files() {
  for (const server::OpenListener& one : state_->common->current_settings().listeners)
    if (const auto socket = one.listener->socket()) socket->leave_socket_file();
}

void Server::take_socket_files() {
  for (const server::OpenListener& one : state_->common->current_settings().listeners)
    if (const auto socket = one.listener->socket()) socket->take_socket_file();
}

void Server::lower_max_memory(std::uint64_t limit) {
  state_->common->admission.lower_memory_limit(static_cast<std::size_t>(limit));
  const std::lock_guard lock(state_->mutex);
  for (const auto& worker : state_->workers) {
    if (!worker->reactor) continue;
    worker->reactor->mailbox()->post_or_wait(
        [local = worker->local] { local->follow_memory_limit(); });
  }
}

std::string Server::ticket_keys() const {
  const auto tls = state_->common->current_settings().tls;
  return tls ? tls->ticket_keys() : std::string();
}

// An update that ends meanwhile may have read the files before they changed, so its certificates
// are reloaded as well.
Result<void> Server::reload_tls() {
  for (auto tls = state_->common->current_settings().tls; tls;) {
    if (auto reloaded = tls->reload(); !reloaded) return reloaded;
    auto now = state_->common->current_settings().tls;
    if (now == tls) break;
    tls = std::move(now);
  }
  return {};
}

std::vector<TlsCertificateInfo> Server::certificates() const {
  const auto tls = state_->common->current_settings().tls;
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
