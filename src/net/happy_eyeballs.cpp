// SPDX-License-Identifier: Apache-2.0
#include "net/happy_eyeballs.hpp"

#include "base/shortage.hpp"
#include "net/socket_options.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace onehop::net {
namespace {

// A unix socket with a full backlog refuses with EAGAIN, and no event reports that it has room
// again.
constexpr io::Duration kUnixRetryDelay = std::chrono::milliseconds(4);

// If a loopback port of the ephemeral range has no listener, a socket can connect to itself.
bool is_connected_to_itself(int socket, const Address& peer) noexcept {
  if (peer.is_unix()) return false;
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&local), &size) != 0) return false;
  return Address(reinterpret_cast<const sockaddr*>(&local), size) == peer;
}

Error error_of(int outcome) {
  if (outcome == ETIMEDOUT) return Error(Errc::timed_out, Side::upstream);
  return Error::system(outcome, is_shortage(outcome) ? Side::local : Side::upstream);
}

int pending_error(int socket) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace

// An attempt at one address. Its outcome is 0 if it connected, an errno if it failed, and
// EINPROGRESS while it runs.
class ConnectRace::Attempt final : public io::Watcher {
 public:
  Attempt(ConnectRace& race, const Address& address, io::Time deadline) noexcept
      : race_(race), address_(address), deadline_(deadline) {}
  ~Attempt() { drop(); }

  int start() {
    socket_ = io::FileDescriptor(
        ::socket(address_.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return ended(socket_ ? connect() : errno);
  }
  int check_time(io::Time now) {
    if (!is_running_) return EINPROGRESS;
    if (deadline_ <= now) return ended(is_watched_ && is_settled() ? conclude() : ETIMEDOUT);
    return retry_at_ <= now ? ended(connect()) : EINPROGRESS;
  }
  io::Time next_time() const noexcept {
    return is_running_ ? std::min(deadline_, retry_at_) : io::kNever;
  }
  void drop() noexcept {
    leave_reactor();
    socket_.reset();
    is_running_ = false;
  }

  io::FileDescriptor take_socket() noexcept { return std::move(socket_); }
  const Address& address() const noexcept { return address_; }

 private:
  int connect() {
    retry_at_ = io::kNever;
    if (::connect(socket_.get(), address_.data(), address_.size()) == 0) return 0;
    if (errno == EAGAIN && address_.is_unix()) {
      retry_at_ = race_.reactor_.now() + kUnixRetryDelay;
      return EINPROGRESS;
    }
    if (errno != EINPROGRESS && errno != EINTR) return errno;
    // On the same machine the handshake is already complete.
    if (is_settled()) return conclude();
    if (!race_.reactor_.add(socket_.get(), *this, EPOLLOUT)) return errno;
    is_watched_ = true;
    return EINPROGRESS;
  }
  // Asks the kernel whether the attempt has ended.
  bool is_settled() const noexcept {
    pollfd ready{socket_.get(), POLLOUT, 0};
    return ::poll(&ready, 1, 0) == 1;
  }

  void on_events(std::uint32_t) noexcept override {
    if (is_running_) race_.accept_outcome(*this, ended(conclude()));
  }

  int conclude() noexcept {
    if (const int error = pending_error(socket_.get())) return error;
    if (!is_connected_to_itself(socket_.get(), address_)) return 0;
    reset_at_close(socket_.get());  // the socket occupies the missing listener's port
    return ECONNREFUSED;
  }
  int ended(int outcome) noexcept {
    if (outcome == EINPROGRESS) return outcome;
    is_running_ = false;
    leave_reactor();
    if (outcome != 0) socket_.reset();
    return outcome;
  }
  void leave_reactor() noexcept {
    if (std::exchange(is_watched_, false)) race_.reactor_.remove(socket_.get());
  }

  ConnectRace& race_;
  const Address& address_;
  io::Time deadline_;
  io::Time retry_at_ = io::kNever;
  io::FileDescriptor socket_;
  bool is_running_ = true;
  bool is_watched_ = false;
};

ConnectRace::ConnectRace(io::Reactor& reactor,
                         RaceOptions options,
                         std::span<const Address> addresses)
    : reactor_(reactor),
      options_(options),
      addresses_(addresses),
      timer_(io::call_or<&ConnectRace::on_timer, &ConnectRace::give_up>(this)),
      next_(io::call_or<&ConnectRace::on_next, &ConnectRace::give_up>(this)) {}

ConnectRace::~ConnectRace() = default;

bool ConnectRace::await_ready() {
  attempts_.reserve(addresses_.size());
  start_next();
  return is_over();
}

void ConnectRace::await_suspend(std::coroutine_handle<> handle) noexcept {
  wakeup_.set_coroutine(handle);
  arm_timer();
}

Result<ConnectRace::Winner> ConnectRace::await_resume() {
  if (winner_) return Winner{winner_->take_socket(), winner_->address()};
  return failure(error_of(last_error_));
}

void ConnectRace::start_next() {
  const io::Time now = reactor_.now();
  const io::Time deadline =
      std::min(options_.deadline, io::deadline_after(now, options_.attempt_timeout));
  const Address& address = addresses_[attempts_.size()];
  Attempt* const attempt =
      attempts_.emplace_back(std::make_unique<Attempt>(*this, address, deadline)).get();
  ++running_;
  const bool refused = record(*attempt, attempt->start());
  next_start_ = has_next() ? io::deadline_after(now, options_.fallback_delay) : io::kNever;
  if (refused) start_next_later();
}

// Other connections must not wait until many addresses of a name have all refused.
void ConnectRace::start_next_later() {
  next_start_ = io::kNever;
  reactor_.schedule(next_);
}

// Records the outcome. Returns true if another address should be tried instead.
bool ConnectRace::record(Attempt& attempt, int outcome) {
  if (outcome == EINPROGRESS) return false;
  --running_;
  if (outcome == 0) {
    winner_ = &attempt;
    for (const auto& other : attempts_) {
      if (other.get() != &attempt) other->drop();
    }
    return false;
  }
  last_error_ = outcome;
  report(attempt.address(), outcome);
  if (has_next() && reactor_.now() < options_.deadline) return true;
  failed_ = running_ == 0;
  return false;
}

void ConnectRace::report(const Address& address, int outcome) const noexcept {
  if (options_.reports == nullptr) return;
  try {
    const std::string text = address.to_string();
    options_.reports->on_attempt_failed(text, error_of(outcome).during(Phase::connect));
  } catch (const std::bad_alloc&) {  // without memory, the attempt is not reported
  }
}

void ConnectRace::accept_outcome(Attempt& attempt, int outcome) {
  if (record(attempt, outcome)) start_next_later();
  settle();
}

void ConnectRace::on_next() {
  if (is_over() || !has_next()) return;
  start_next();
  settle();
}

// Memory for another attempt could not be allocated.
void ConnectRace::give_up() noexcept {
  for (const auto& attempt : attempts_)
    attempt->drop();
  last_error_ = ENOMEM;
  failed_ = true;
  settle();
}

void ConnectRace::settle() noexcept {
  if (is_over()) {
    timer_.disarm();
    reactor_.schedule(wakeup_);
  } else {
    arm_timer();
  }
}

void ConnectRace::on_timer() {
  const io::Time now = reactor_.now();
  // Attempts that end in this loop start others, which are too recent to be checked.
  const std::size_t count = attempts_.size();
  for (std::size_t i = 0; i < count && !is_over(); ++i) {
    const int outcome = attempts_[i]->check_time(now);
    if (outcome != EINPROGRESS) accept_outcome(*attempts_[i], outcome);
  }
  if (is_over()) return;
  if (next_start_ <= now) start_next();
  settle();
}

void ConnectRace::arm_timer() noexcept {
  io::Time next = next_start_;
  for (const auto& attempt : attempts_)
    next = std::min(next, attempt->next_time());
  reactor_.timers().arm(timer_, next);
}

}  // namespace onehop::net
