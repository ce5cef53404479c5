// SPDX-License-Identifier: Apache-2.0
#include "transport/h2_connection.hpp"

#include "base/check.hpp"
#include "http/h1/limits.hpp"
#include "io/yield.hpp"

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

namespace onehop::transport {
namespace {

// More streams on one connection would only wait for each other.
constexpr std::size_t kMaxStreams = 256;
// If nothing arrives for kSilence while a stream is open, a PING is sent. If nothing arrives within
// kPingPatience after it, the connection is lost.
constexpr net::Duration kSilence = std::chrono::seconds(30);
constexpr net::Duration kPingPatience = std::chrono::seconds(15);
// gRPC servers treat more than one PING in five minutes as abuse unless they sent data in between.
constexpr net::Duration kBetweenPings = std::chrono::seconds(310);
constexpr net::Duration kWatchEvery = std::chrono::seconds(5);
constexpr net::Duration kWriteStall = std::chrono::seconds(60);
// The time between two checks of the bytes that the kernel has not sent yet.
constexpr net::Duration kLookAgain = std::chrono::milliseconds(100);

h2::SessionLimits session_limits_of(const Transport::Options& options) {
  h2::SessionLimits limits;
  limits.fields.max_start_line = 0;  // responses have none over HTTP/2
  limits.stream_window = kStreamWindow;
  limits.fields.max_bytes = h1::bounded(options.max_response_header_bytes);
  limits.fields.max_fields = options.max_response_header_fields;
  limits.max_informational = options.max_informational;
  return limits;
}

}  // namespace

H2Connection::H2Connection(Owner& owner,
                           Slot slot,
                           std::unique_ptr<net::Stream> stream,
                           const std::string& address)
    : Connection(owner, std::move(slot), std::move(stream), address),
      owner_(owner),
      session_(h2::Role::client, session_limits_of(pool_.options()), *this),
      link_(*stream_,
            session_,
            Side::upstream,
            kWriteStall,
            io::call<&H2Connection::on_flushed>(this)),
      idle_since_(stream_->reactor().now()),
      watch_(io::call<&H2Connection::on_watch>(this)),
      resets_(io::call<&H2Connection::on_reset_time>(this)),
      ended_(io::call<&H2Connection::on_ended>(this)) {
  counters_->http2.add(1);
}

H2Connection::~H2Connection() {
  running_ = {};
  state_ = State::over;
  while (User* user = users_.pop_front()) {
    count_end();
    user->on_connection_lost(ping_ == Ping::unanswered);
  }
  counters_->http2.subtract(1);
}

void H2Connection::start() {
  ONEHOP_DCHECK(state_ == State::open && requests_ == 0);
  running_ = run();
  running_.start();
  link_.flush_soon();
  watch();  // the request that it was made for may be gone
}

std::size_t H2Connection::limit() const noexcept {
  return std::min<std::size_t>(session_.peer_max_streams(), kMaxStreams);
}

std::size_t H2Connection::room() const noexcept {
  return takes_requests() && streams() < limit() ? limit() - streams() : 0;
}

bool H2Connection::is_busy() const noexcept {
  return streams() * 4 >= limit() * 3;
}

// The reactor may not have reported the end yet: with TLS, it is reported one pass later, after the
// request is written. Only a connection that was idle between two requests needs this check: a new
// one was read when it was made, and one with streams is read all the time.
bool H2Connection::takes_requests_after_a_look() {
  const bool idled = takes_requests() && was_used() && streams() == 0;
  if (!idled || !stream_->has_unread_now()) return takes_requests();
  if (link_.read() == wire::H2Link::Step::over) {
    retire();
    stream_->interrupt_reader();  // run() finds the same, and ends the connection
  }
  return has_room();  // its SETTINGS may have changed as well
}

void H2Connection::add(User& request) {
  ONEHOP_DCHECK(state_ != State::over && !request.is_linked());
  ++requests_;
  pool_.counters().streams.add(1);
  counters_->streams.add(1);
  users_.push_back(request);
  if (lifetime_.is_over(stream_->reactor().now(), requests_)) retire();
  if (!watch_.is_armed()) watch();
}

void H2Connection::remove(User& request) noexcept {
  ONEHOP_DCHECK(request.is_linked());
  request.unlink();
  count_end();
  idle_since_ = stream_->reactor().now();
  if (slot_.is_abandoned()) retire();  // its request waited when the origin was abandoned
  link_.flush_soon();
}

void H2Connection::count_end() noexcept {
  pool_.counters().streams_ended.add(1);
  counters_->streams.subtract(1);
}

void H2Connection::retire() noexcept {
  if (state_ == State::open) state_ = State::ending;
  if (!was_used()) owner_.back_off();
  owner_.look_again_soon();
}

void H2Connection::on_settings() {
  owner_.look_again_soon();
}

void H2Connection::on_goaway(std::int32_t last_stream, h2::ErrorCode reason) {
  last_taken_ = last_stream;
  if (!std::exchange(has_goaway_, true)) pool_.counters().goaways.add(1);
  if (reason == h2::ErrorCode::http_1_1_required) owner_.use_http1();
  retire();
}

void H2Connection::on_exception() noexcept {
  state_ = State::over;
  stream_->reactor().schedule(ended_);
}

RootTask<H2Connection> H2Connection::run() {
  using Step = wire::H2Link::Step;
  // The state is checked before each wait, because interrupt_reader() has no effect outside one.
  while (ping_ != Ping::unanswered) {
    const Step step = link_.read();
    if (step == Step::over) break;
    if (step == Step::yield) {
      co_await io::yield(stream_->reactor());
      continue;
    }
    if (state_ == State::ending && streams() == 0 && users_.empty()) break;
    co_await stream_->readable(io::kNever);
  }
  state_ = State::over;
  // Sends the reason, if there is one, and the last data of requests and tunnels, which the
  // upstream may not have read yet. Nothing is sent to a peer that is gone: a request that has not
  // left yet would count as one that the upstream may have seen.
  if (ping_ == Ping::unanswered || link_.has_peer_gone()) {
    link_.stop_writing();
  } else if (streams() > 0) {
    link_.flush_now();  // the session has failed; waiting requests learn of it at once
  } else {
    co_await link_.drain(kWriteStall);
    co_await wait_for_acknowledgement();
  }
  stream_->reactor().schedule(ended_);
}

// Closing a connection with unread input resets it, and bytes that the kernel has not sent yet are
// lost. An upstream that reads them sends something in return, if only WINDOW_UPDATE.
task<void> H2Connection::wait_for_acknowledgement() {
  io::Reactor& reactor = stream_->reactor();
  std::size_t left = stream_->unacknowledged();
  net::Time moved = reactor.now();
  while (left > 0 && !link_.is_broken() && reactor.now() < moved + kWriteStall) {
    const std::span<char> scratch = reactor.scratch();
    const net::IoResult got = stream_->try_read(scratch.data(), scratch.size());
    if (got.is_end() || got.has_failed()) break;
    if (got.has_bytes()) {  // perhaps without end, and the clock stands still within a pass
      co_await io::yield(reactor);
    } else {
      co_await stream_->readable(reactor.now() + kLookAgain);
    }
    const std::size_t now_left = stream_->unacknowledged();
    if (now_left < left) moved = reactor.now();
    left = now_left;
  }
}

void H2Connection::on_ended() {
  owner_.remove(*this);  // destroys it
}

void H2Connection::on_flushed() {
  if (state_ == State::over) return;
  if (session_.has_withheld_resets() && !resets_.is_armed()) {
    io::Reactor& reactor = stream_->reactor();
    reactor.timers().arm(resets_, reactor.now() + h2::Session::kBetweenResets);
  }
  if (state_ == State::ending && streams() == 0) stream_->interrupt_reader();
  owner_.look_again_soon();
}

void H2Connection::on_reset_time() {
  if (state_ == State::over) return;
  session_.release_resets(stream_->reactor().now());
  link_.flush_soon();
}

// --- signs of life -----------------------------------------------------------------------------

void H2Connection::watch() {
  const net::Duration idle = std::max<net::Duration>(pool_.options().pool_idle_timeout.value() / 2,
                                                     std::chrono::milliseconds(10));
  io::Reactor& reactor = stream_->reactor();
  net::Time next = io::deadline_after(reactor.now(), std::min(idle, kWatchEvery));
  if (lifetime_.ends_at() > reactor.now()) next = std::min(next, lifetime_.ends_at());
  reactor.timers().arm(watch_, next);
}

void H2Connection::on_watch() {
  if (state_ == State::over || ping_ == Ping::unanswered) return;
  const net::Time now = stream_->reactor().now();
  watch();
  const net::Time heard = link_.last_read();
  // While deciding, only the acknowledgment of the PING counts: other bytes may have been sent
  // before the connection failed.
  const bool waits = ping_ == Ping::deciding || (ping_ == Ping::sent && heard < pinged_);
  if (waits && now - pinged_ >= kPingPatience) {
    ping_ = Ping::unanswered;
    stream_->abort();
    stream_->interrupt_reader();
    return;
  }
  if (users_.empty()) {
    net::Duration timeout = pool_.options().pool_idle_timeout;
    // A request may be waiting for the connection's SETTINGS.
    if (!knows_settings()) timeout = std::max(timeout, kPingPatience);
    const bool is_due = io::deadline_after(idle_since_, timeout) <= now;
    if (is_due || lifetime_.is_over(now, requests_)) close_idle();
    return;
  }
  if (lifetime_.is_over(now, requests_)) retire();
  if (waits) return;
  const bool may_ask =
      content_at_ > pinged_ || pinged_ == net::Time() || now - pinged_ >= kBetweenPings;
  if (now - heard >= kSilence && may_ask) send_ping(Ping::sent);
}

void H2Connection::send_ping(Ping reason) {
  ONEHOP_DCHECK(ping_ != Ping::unanswered);
  ping_ = reason;
  pinged_ = stream_->reactor().now();
  session_.ping();
  link_.flush_soon();
}

void H2Connection::suspect() {
  if (!takes_requests()) return;
  send_ping(Ping::deciding);
}

void H2Connection::on_ping_answered() {
  if (ping_ == Ping::unanswered) return;  // too late
  if (std::exchange(ping_, Ping::none) == Ping::deciding) owner_.look_again_soon();
}

void H2Connection::close_idle() {
  if (state_ != State::open) return;
  state_ = State::ending;
  session_.end_after_streams();
  link_.flush_soon();
}

}  // namespace onehop::transport
