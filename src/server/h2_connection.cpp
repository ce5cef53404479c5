// SPDX-License-Identifier: Apache-2.0
#include "server/h2_connection.hpp"

#include "io/yield.hpp"
#include "server/h2_exchange.hpp"
#include "server/shard_server.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace onehop::server {
namespace {

constexpr std::size_t kReadSize = 128 * 1024;
// One connection may not hold the thread for longer than this takes.
constexpr std::size_t kOctetsPerTurn = 1024 * 1024;
// A client that does not answer the PING behind the first GOAWAY is told the end nevertheless.
constexpr net::Duration kEndPatience = std::chrono::seconds(1);
// What a client still takes of a last word.
constexpr net::Duration kGoodbye = std::chrono::seconds(1);

}  // namespace

H2Connection::H2Connection(Connection& before, std::string_view early)
    : Connection(before),
      session_(h2::Role::server, shard_.h2_limits(), *this),
      output_(*stream_, Side::client),
      early_(early),
      idle_since_(stream_->reactor().now()),
      flush_(&H2Connection::on_flush, this),
      watch_(&H2Connection::on_watch, this) {
  info_.version = Version::http_2;
}

H2Connection::~H2Connection() {
  running_ = {};
  writing_ = {};
  while (ListNode* node = exchanges_.pop_front())
    delete &static_cast<H2Exchange::Member*>(node)->exchange;
}

void H2Connection::start() {
  running_ = run();
  running_.start();
}

void H2Connection::end_when_idle() noexcept {
  begin_end();
  flush_soon();
}

// --- reading -----------------------------------------------------------------------------------

task<void> H2Connection::run() {
  receive(std::exchange(early_, {}));
  if (shard_.is_draining()) begin_end();
  std::size_t turn = 0;
  while (reading_) {
    const std::span<char> scratch = stream_->reactor().scratch().first(kReadSize);
    const ssize_t got = stream_->try_read(scratch.data(), scratch.size());
    if (got > 0) {
      receive({scratch.data(), static_cast<std::size_t>(got)});
      turn += static_cast<std::size_t>(got);
      if (turn < kOctetsPerTurn) continue;
      turn = 0;
      co_await io::yield(stream_->reactor());
      continue;
    }
    turn = 0;
    if (got != -EAGAIN) break;  // a client that has closed, or half-closed, wants no answers
    if (broken_ || session_.is_over()) break;
    const net::Wait wait = co_await stream_->readable(deadline());
    if (!go_on_after(wait)) break;
  }
  if (!broken_ && !stream_->is_hung_up()) co_await say_goodbye();
  end();
}

void H2Connection::receive(std::string_view octets) {
  reading_ = session_.receive(octets, stream_->reactor().now());
  session_.deliver_news();
  flush_soon();
}

net::Time H2Connection::deadline() const noexcept {
  if (!greeted_) return io::deadline_after(idle_since_, shard_.options().header_timeout);
  if (end_ == End::announced) return end_announced_ + kEndPatience;
  if (session_.streams() > 0) return io::kNever;  // watch() looks after these
  return io::deadline_after(idle_since_, shard_.options().idle_timeout);
}

bool H2Connection::go_on_after(net::Wait wait) {
  if (broken_ || session_.is_over()) return false;
  if (wait != net::Wait::timed_out || deadline() > stream_->reactor().now()) return true;
  if (!greeted_) {
    session_.terminate(h2::ErrorCode::settings_timeout);
    return false;
  }
  if (end_ == End::announced) {
    finish_end();
  } else if (end_ == End::no) {
    begin_end();
  }
  flush_soon();
  return true;
}

h2::Stream* H2Connection::on_request() {
  auto* exchange = new H2Exchange(*this);  // deletes itself when its stream is over
  exchanges_.push_back(exchange->member_);
  if (!watch_.is_armed()) watch();
  return exchange;
}

// --- the end -----------------------------------------------------------------------------------
// Two phases (RFC 9113 §6.8): no request that is under way is lost. The answer to the PING shows
// that the client has read the first GOAWAY.

void H2Connection::begin_end() {
  if (end_ != End::no) return;
  end_ = End::announced;
  end_announced_ = stream_->reactor().now();
  session_.announce_end();
}

void H2Connection::finish_end() {
  if (end_ != End::announced) return;
  end_ = End::said;
  session_.end_after_streams();
}

void H2Connection::on_ping_answered() {
  finish_end();
}

task<void> H2Connection::say_goodbye() {
  flush_now();
  writing_ = {};
  if (output_.has_pending()) {
    auto drained = co_await output_.drain(kGoodbye);
    if (!drained) co_return;
  }
  if (reading_ && !session_.is_over()) co_return;
  co_await linger();
}

// --- writing -----------------------------------------------------------------------------------

// True when everything the session had to say went out.
bool H2Connection::produce() {
  const std::span<char> memory = stream_->reactor().head_scratch();
  while (!broken_ && !output_.has_pending()) {
    const std::size_t size = session_.produce(memory);
    if (size == 0) return true;
    if (!output_.write({memory.data(), size})) broken_ = true;
  }
  if (broken_) stream_->interrupt_reader();
  return broken_;
}

void H2Connection::flush_now() {
  if (writing_rest_ || produce()) return;
  writing_rest_ = true;
  writing_ = write_rest();
  writing_.start();
}

task<void> H2Connection::write_rest() {
  bool done = false;
  while (!done && !broken_) {
    auto drained = co_await output_.drain(shard_.options().write_timeout);
    if (!drained) {
      broken_ = true;
      if (drained.error().is_timeout()) stream_->abort();
      stream_->interrupt_reader();
      break;
    }
    done = produce();
  }
  writing_rest_ = false;
  if (session_.has_news()) flush_soon();
}

void H2Connection::on_flush(void* self) {
  auto& connection = *static_cast<H2Connection*>(self);
  connection.session_.deliver_news();
  connection.flush_now();
  connection.session_.deliver_news();
  if (connection.session_.streams() == 0) {
    if (connection.end_ == End::said || connection.session_.is_over()) {
      connection.stream_->interrupt_reader();
    }
  }
}

// --- what does not get on ----------------------------------------------------------------------

void H2Connection::watch() {
  const Server::Options& options = shard_.options();
  const net::Duration shortest = std::min(options.write_timeout, options.body_timeout);
  const net::Duration period = std::clamp<net::Duration>(
      shortest / 4, std::chrono::milliseconds(10), std::chrono::seconds(15));
  shard_.reactor().timers().arm(watch_, shard_.reactor().now() + period);
}

void H2Connection::on_watch(void* self) {
  auto& connection = *static_cast<H2Connection*>(self);
  if (connection.exchanges_.empty()) return;
  const net::Time now = connection.shard_.reactor().now();
  IntrusiveList<ListNode> all;
  all.splice_back(connection.exchanges_);
  while (ListNode* node = all.pop_front()) {
    connection.exchanges_.push_back(*node);
    static_cast<H2Exchange::Member*>(node)->exchange.watch(now);
  }
  connection.flush_soon();
  connection.watch();
}

}  // namespace onehop::server
