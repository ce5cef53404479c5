// SPDX-License-Identifier: Apache-2.0
#include "server/accept_loop.hpp"

#include "base/check.hpp"
#include "base/shortage.hpp"
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

// Reports whether `error` is about the listening socket, as when its owner has shut it down: every
// further call would fail. Other errors are about a connection that died in the queue.
bool is_of_socket(int error) {
  return error == EINVAL || error == EBADF || error == ENOTSOCK;
}

}  // namespace

AcceptLoop::AcceptLoop(WorkerContext& worker, const OpenListener& from)
    : worker_(worker),
      listener_(from.listener),
      socket_(from.socket),
      with_tls_(from.with_tls),
      proxies_(from.proxies),
      ready_(io::call_or<&AcceptLoop::on_ready, &AcceptLoop::on_no_memory>(this)),
      timer_(io::call<&AcceptLoop::on_timer>(this)) {}

AcceptLoop::~AcceptLoop() {
  remove();
}

void AcceptLoop::start() {
  if (!listening_ && !timer_.is_armed()) add();
}

void AcceptLoop::put_in_use(bool defers) noexcept {
  if (socket_) socket_->put_in_use(defers);
}

void AcceptLoop::configure(const OpenListener& from, bool defers) noexcept {
  with_tls_ = from.with_tls;
  proxies_ = from.proxies;
  put_in_use(defers);
}

void AcceptLoop::add() noexcept {
  ONEHOP_DCHECK(!listening_);
  // Level-triggered; the kernel wakes one of the workers that wait (EPOLLEXCLUSIVE).
  listening_ = worker_.reactor().add(socket_->descriptor(), *this, EPOLLIN | EPOLLEXCLUSIVE);
  if (!listening_) worker_.reactor().timers().arm(timer_, worker_.reactor().now() + kPause);
}

void AcceptLoop::remove() noexcept {
  if (listening_) worker_.reactor().remove(socket_->descriptor());
  listening_ = false;
}

void AcceptLoop::on_events(std::uint32_t) noexcept {
  worker_.reactor().schedule(ready_);
}

void AcceptLoop::on_ready() {
  if (left_) return go_on_leaving();
  if (listening_) accept_some();
}

void AcceptLoop::on_timer() {
  if (const auto why = worker_.admission().reason_to_pause(worker_.reactor().now())) {
    pause(*why);
  } else if (left_) {
    worker_.reactor().schedule(ready_);
  } else {
    add();
  }
}

void AcceptLoop::pause(Refusal why) noexcept {
  if (paused_ != why) worker_.counters().count(why);
  paused_ = why;
  rest();
}

void AcceptLoop::rest() noexcept {
  remove();
  worker_.reactor().timers().arm(timer_, worker_.reactor().now() + kPause);
}

// Logs a shortage once while it lasts, and limits the lines about one that comes and goes.
void AcceptLoop::log_shortage(int error, std::string_view of_what) {
  if (std::exchange(short_, true)) return;
  ServerShared& shared = worker_.shared();
  const auto suppressed = shared.shortage_lines.admit(worker_.reactor().now());
  if (!suppressed) return worker_.on_line_left_out();
  std::string line = "accepting pauses: ";
  line += std::strerror(error);  // NOLINT(concurrency-mt-unsafe)
  line.append(of_what).append(and_suppressed(*suppressed));
  shared.log(LogLevel::warning, line);
}

AcceptLoop::Batch AcceptLoop::accept_some() {
  for (int i = 0; i < kBatch; ++i) {
    if (left_ == std::size_t{0}) return Batch::empty;
    if (const auto why = worker_.admission().reason_to_pause(worker_.reactor().now())) {
      pause(*why);
      return Batch::paused;
    }
    // A connection accepted now could not be registered with epoll.
    if (const int error = worker_.reactor().refusal()) {
      log_shortage(error, " (the kernel refuses to watch more descriptors)");
      pause(Refusal::descriptors);
      return Batch::paused;
    }
    auto accepted = socket_->accept();
    if (!accepted && accepted.error() == EAGAIN) return Batch::empty;
    if (!accepted && is_shortage(accepted.error())) {
      log_shortage(accepted.error());
      pause(Refusal::descriptors);
      return Batch::paused;
    }
    if (!accepted && is_of_socket(accepted.error())) {
      log_shortage(accepted.error(), " (the listening socket)");
      rest();
      return left_ ? Batch::empty : Batch::paused;
    }
    if (left_) --*left_;
    if (!accepted) continue;
    short_ = false;
    paused_.reset();
    adopt(std::move(*accepted));
  }
  return Batch::full;
}

// A connection whose client a PROXY header will name counts against that client only from then on.
// Until then, the limit on all connections and header_timeout bound how many there are.
void AcceptLoop::adopt(net::TcpListener::Accepted accepted) {
  const bool is_proxied = proxies_ && proxies_->includes(accepted.peer.ip());
  if (is_proxied) {
    on_accepted();
    return worker_.owner().adopt_proxied(stream_of(std::move(accepted.socket)),
                                         AcceptedFrom(accepted.peer, listener_), tls());
  }
  auto ticket = worker_.admission().enter(accepted.peer, worker_.configuration()->trusted());
  if (!ticket) return worker_.refuse_client(accepted.peer);
  on_accepted();
  const AcceptedFrom from(accepted.peer, listener_, std::move(*ticket));
  worker_.owner().adopt(stream_of(std::move(accepted.socket)), from, tls());
}

void AcceptLoop::on_accepted() noexcept {
  listener_->on_accepted();
  worker_.admission().on_accepted();
}

std::unique_ptr<net::Stream> AcceptLoop::stream_of(io::FileDescriptor socket) {
  return std::make_unique<net::TcpStream>(worker_.reactor(), std::move(socket),
                                          net::TcpStream::Role::accepted);
}

std::optional<TlsTerms> AcceptLoop::tls() const {
  if (left_) return tls_left_;
  return with_tls_ ? std::optional(worker_.tls()->terms()) : std::nullopt;
}

// --- the end -----------------------------------------------------------------------------------
// Connections that arrive meanwhile are refused, because clients that connect without a pause would
// delay the end.

void AcceptLoop::leave() noexcept {
  ONEHOP_DCHECK(socket_ && !left_);
  timer_.disarm();
  remove();
  tls_left_ = tls();
  left_ = socket_->waiting();
  try {
    go_on_leaving();
  } catch (const std::bad_alloc&) {
    on_no_memory();
  }
}

void AcceptLoop::go_on_leaving() {
  if (is_done()) return;
  switch (accept_some()) {
    case Batch::paused:
      return;
    case Batch::full:
      return worker_.reactor().schedule(ready_);
    case Batch::empty:
      break;
  }
  timer_.disarm();
  socket_.reset();
  tls_left_.reset();
}

void AcceptLoop::finish() noexcept {
  if (is_done()) return;
  timer_.disarm();
  remove();
  for (std::size_t left = left_.value_or(socket_->waiting()); left > 0; --left) {
    if (!worker_.admission().has_room(worker_.reactor().now())) break;
    auto accepted = socket_->accept();
    if (!accepted) {
      const int error = accepted.error();
      if (error == EAGAIN || is_shortage(error) || is_of_socket(error)) break;
      continue;
    }
    try {
      adopt(std::move(*accepted));
    } catch (const std::bad_alloc&) {  // this connection is lost
    }
  }
  socket_.reset();
}

}  // namespace onehop::server
