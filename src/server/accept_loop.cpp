// SPDX-License-Identifier: Apache-2.0
#include "server/accept_loop.hpp"

#include "base/check.hpp"
#include "net/tcp_stream.hpp"
#include "server/client_connection.hpp"
#include "server/worker_context.hpp"

#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <utility>

namespace onehop::server {
namespace {

constexpr int kBatch = 64;
constexpr io::Duration kPause = std::chrono::milliseconds(20);

bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

AcceptLoop::AcceptLoop(WorkerContext& worker,
                       std::shared_ptr<net::TcpListener> listener,
                       std::string_view name,
                       bool with_tls)
    : worker_(worker),
      listener_(std::move(listener)),
      name_(name),
      with_tls_(with_tls),
      ready_(&AcceptLoop::on_ready, this),
      timer_(&AcceptLoop::on_timer, this) {}

AcceptLoop::~AcceptLoop() {
  remove();
}

void AcceptLoop::start() {
  add();
}

void AcceptLoop::add() noexcept {
  ONEHOP_DCHECK(!listening_);
  // Level-triggered; of the workers that wait, the kernel wakes one.
  listening_ = worker_.reactor().add(listener_->descriptor(), *this, EPOLLIN | EPOLLEXCLUSIVE);
  if (!listening_) worker_.reactor().timers().arm(timer_, worker_.reactor().now() + kPause);
}

void AcceptLoop::remove() noexcept {
  if (listening_) worker_.reactor().remove(listener_->descriptor());
  listening_ = false;
}

void AcceptLoop::on_events(std::uint32_t) noexcept {
  worker_.reactor().schedule(ready_);
}

void AcceptLoop::on_ready(void* self) {
  auto& loop = *static_cast<AcceptLoop*>(self);
  if (!loop.listening_) return;
  try {
    loop.accept_some();
  } catch (const std::bad_alloc&) {  // which costs this connection, and not the event loop
    loop.pause();
  }
}

void AcceptLoop::on_timer(void* self) {
  auto& loop = *static_cast<AcceptLoop*>(self);
  if (!loop.may_accept()) {
    loop.pause();
  } else {
    loop.add();
  }
}

void AcceptLoop::pause() {
  remove();
  worker_.reactor().timers().arm(timer_, worker_.reactor().now() + kPause);
}

// Once for as long as the shortage lasts, and not each time if it comes and goes.
void AcceptLoop::log_shortage(int error, std::string_view of_what) {
  if (std::exchange(short_, true)) return;
  ServerShared& shared = worker_.shared();
  const auto untold = shared.shortage_lines.admit(worker_.reactor().now());
  if (!untold) return worker_.on_line_left_out();
  std::string line = "accepting pauses: ";
  line += std::strerror(error);  // NOLINT(concurrency-mt-unsafe)
  line.append(of_what).append(and_untold(*untold));
  shared.log(LogLevel::warning, line);
}

void AcceptLoop::accept_some() {
  for (int i = 0; i < kBatch; ++i) {
    if (!may_accept()) {
      pause();
      return;
    }
    // A connection accepted now could not be registered with epoll.
    if (const int error = worker_.reactor().refusal()) {
      log_shortage(error, " (the kernel refuses to watch more descriptors)");
      pause();
      return;
    }
    auto accepted = listener_->accept();
    if (!accepted) {
      if (accepted.error() == EAGAIN) return;
      if (!is_shortage(accepted.error())) continue;  // died in the queue
      log_shortage(accepted.error());
      pause();
      return;
    }
    short_ = false;
    adopt(std::move(*accepted));
  }
}

void AcceptLoop::adopt(net::TcpListener::Accepted accepted) {
  auto ticket = worker_.admission().may_accept(accepted.peer, worker_.configuration()->trusted());
  if (!ticket) {
    log_refusal(accepted.peer);
    return;
  }
  const AcceptedFrom from(accepted.peer, name_, std::move(*ticket));
  worker_.owner().adopt(
      std::make_unique<net::TcpStream>(worker_.reactor(), std::move(accepted.socket),
                                       net::TcpStream::Role::accepted),
      from, with_tls_);
}

void AcceptLoop::log_refusal(const net::Address& peer) {
  const io::Time now = worker_.reactor().now();
  const auto line = worker_.admission().refused_connection_line(peer, now);
  if (line) worker_.shared().log(LogLevel::warning, *line);
}

bool AcceptLoop::may_accept() {
  return worker_.admission().may_accept(worker_.reactor().now());
}

void AcceptLoop::finish() {
  timer_.disarm();
  remove();
  // Connections that arrive meanwhile are refused: clients that connect without a pause would hold
  // up the stop.
  for (std::size_t left = listener_ ? listener_->waiting() : 0; left > 0; --left) {
    if (!may_accept()) break;
    auto accepted = listener_->accept();
    if (!accepted) break;
    try {
      adopt(std::move(*accepted));
    } catch (const std::bad_alloc&) {  // which costs this connection
    }
  }
  listener_.reset();
}

}  // namespace onehop::server
