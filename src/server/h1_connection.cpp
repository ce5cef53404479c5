// SPDX-License-Identifier: Apache-2.0
#include "server/h1_connection.hpp"

#include "base/exception_text.hpp"
#include "http/h2/session.hpp"
#include "io/yield.hpp"
#include "server/linger.hpp"
#include "server/worker_context.hpp"
#include "wire/head_reader.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace onehop::server {
namespace {

// RFC 9113 §3.4: made so that a parser of HTTP/1 stumbles over it. The session checks the rest.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n";
// After these, other connections have a turn, even if more requests have arrived.
constexpr unsigned kRequestsPerTurn = 32;
constexpr net::Duration kLookAgain = std::chrono::seconds(1);
// For the first request of a connection that is accepted just before the end: its client has no
// reason to think that the request is not welcome.
constexpr net::Duration kFirst = std::chrono::seconds(1);

}  // namespace

H1Connection::H1Connection(WorkerContext& worker,
                           std::unique_ptr<net::Stream> stream,
                           const AcceptedFrom& from)
    : HttpConnection(worker, std::move(stream), from),
      begun_(stream_->reactor().now()),
      input_(stream_->reactor().buffers()) {}

H1Connection::~H1Connection() {
  running_ = {};
}

void H1Connection::start() {
  running_ = run();
  running_.start();
}

void H1Connection::end_when_idle() noexcept {
  if (idle_) stream_->interrupt_reader();
}

net::Time H1Connection::end_of_first() const noexcept {
  return first_ ? begun_ + kFirst : begun_;
}

bool H1Connection::may_begin_first() const noexcept {
  return stream_->reactor().now() < end_of_first();
}

bool H1Connection::begins_http2() const noexcept {
  return first_ && !info_.tls && worker_.configuration()->options().http2 &&
         input_.view().starts_with(kPreface);
}

RootTask<H1Connection> H1Connection::run() {
  Next next = Next::keep_alive;
  net::Time end_of_silence = end_of_idleness();
  while (next == Next::keep_alive) {
    if (input_.empty()) {
      input_.release();
      // A request that had arrived before the end is still served.
      const bool ends = is_ending();
      if (ends && !may_begin_first() && !stream_->has_unread_now()) break;
      idle_ = true;
      const net::Time end =
          ends && may_begin_first() ? std::min(end_of_silence, end_of_first()) : end_of_silence;
      const auto wait = co_await stream_->readable(end);
      idle_ = false;
      // A stop interrupts the wait; the kernel may have a request by now that it has not reported.
      const bool asked = wait == net::Wait::interrupted && stream_->has_unread_now();
      if (wait == net::Wait::interrupted && !asked && may_begin_first()) continue;
      if (wait != net::Wait::ready && !asked) break;
    }
    std::optional<Next> served = Next::close;
    try {
      served = co_await serve_one();
    } catch (...) {  // from an object that the handler made
      log_exception();
    }
    if (!served) {
      // It seemed that a head begins: the time for that is over once, however often it seems so.
      end_of_silence = std::min(end_of_silence, end_of_head(stream_->reactor().now()));
      continue;
    }
    next = *served;
    first_ = false;
    end_of_silence = end_of_idleness();
  }
  if (next == Next::hand_on) next = hand_on();
  if (next == Next::linger) {
    input_.release();
    idle_ = true;
    co_await linger(*stream_, kLingerAfterResponse, worker_.drain_state());
  }
  end();
}

// Hands the stream on, or refuses: a connection of HTTP/2 needs more memory than this one was
// admitted for. Returns what run() does next.
Next H1Connection::hand_on() {
  if (!worker_.admission().has_room_for_request(stream_->reactor().now())) {
    (void)stream_->try_write(h2::kConnectionRefused.data(), h2::kConnectionRefused.size());
    return Next::linger;
  }
  const std::string early(input_.view());
  input_.release();
  worker_.owner().continue_as_http2(*this, early);
  return Next::close;
}

// Whether to wait on for a head after a wait that has ended.
bool H1Connection::may_go_on(const Result<void>& read, net::Time began) const {
  if (read) return false;
  if (read.error().is(Errc::timed_out)) return stream_->reactor().now() < end_of_head(began);
  if (!read.error().is(Errc::cancelled)) return false;
  // Interrupted by a drain: some of a head is here, or in the kernel.
  return !input_.empty() || stream_->has_unread_now();
}

net::Time H1Connection::end_of_idleness() const noexcept {
  return io::deadline_after(stream_->reactor().now(),
                            worker_.configuration()->options().idle_timeout);
}

// A stop does not wait long for the rest of a head.
net::Time H1Connection::end_of_head(net::Time began) const noexcept {
  const net::Time last =
      io::deadline_after(began, worker_.configuration()->options().header_timeout);
  if (!worker_.is_draining()) return last;
  return std::min(last, worker_.drain_state().end_of_rest(began));
}

// From a wait for which there was no memory.
void H1Connection::on_exception() noexcept {
  end();
}

void H1Connection::log_exception() const {
  worker_.shared().log(LogLevel::error, exception_text());
}

// std::nullopt if no byte of a request has come. One that comes later is served by what is
// configured then.
task<std::optional<Next>> H1Connection::serve_one() {
  if (++served_ % kRequestsPerTurn == 0) co_await io::yield(stream_->reactor());
  const net::Time began = stream_->reactor().now();
  // The head is read within the limits that its request is served by.
  const ConfigurationRef configuration = worker_.configuration();
  auto parser = configuration->parsers().take();
  const wire::HeadInput source(*stream_, input_, *parser, Side::client,
                               configuration->head_limit());
  auto read = wire::try_read_head(source);
  if (!read && input_.empty()) co_return std::nullopt;
  if (!read) {
    idle_ = true;
    while (!read || may_go_on(*read, began)) {
      const net::Time now = stream_->reactor().now();
      // Looks again every second: a drain that begins while bytes arrive interrupts nothing.
      const net::Time deadline = std::min(end_of_head(began), now + kLookAgain);
      read = co_await wire::read_head(source, deadline);
    }
    idle_ = false;
  }
  if (!*read) {
    const Error& error = read->error();
    if (error.is(Errc::unsupported_version) && begins_http2()) co_return Next::hand_on;
    // There was no request, or the client is gone.
    if (error.is(Errc::closed) || error.is(Errc::cancelled)) co_return Next::close;
    if (error.code().category() == std::system_category()) co_return Next::close;
    if (error.is(Errc::truncated) || error.is(Errc::tls_failed)) co_return Next::close;
    if (error.is(Errc::timed_out) && !parser->begun()) co_return Next::close;
    if (error.is(Errc::overloaded)) worker_.admission().on_request_refused();
    H1Exchange exchange(worker_, configuration, *stream_, input_, *this, began);
    Error refusal = error;
    refusal.during(Phase::head);
    co_return co_await exchange.reject_malformed(std::move(refusal));
  }
  H1Exchange exchange(worker_, configuration, *stream_, input_, *this, began);
  co_return co_await exchange.run(*parser);
}

}  // namespace onehop::server
