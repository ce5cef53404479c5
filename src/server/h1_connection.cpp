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

// The beginning of the HTTP/2 preface, which HTTP/1 parsers reject by design (RFC 9113 §3.4). The
// session checks the rest.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n";
// After this many requests other connections have a turn, even if more requests have arrived.
constexpr unsigned kRequestsPerTurn = 32;
constexpr net::Duration kLookAgain = std::chrono::seconds(1);
// The time for the first request of a connection that was accepted just before the end: its client
// has no reason to expect that the request is not welcome.
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
      // A request that arrived before the end is still served.
      const bool ends = is_ending();
      if (ends && !may_begin_first() && !stream_->has_unread_now()) break;
      idle_ = true;
      const net::Time end =
          ends && may_begin_first() ? std::min(end_of_silence, end_of_first()) : end_of_silence;
      const auto wait = co_await stream_->readable(end);
      idle_ = false;
      // A stop interrupts the wait, but the kernel may have a request that it has not reported.
      const bool asked = wait == net::Wait::interrupted && stream_->has_unread_now();
      if (wait == net::Wait::interrupted && !asked && may_begin_first()) continue;
      if (wait != net::Wait::ready && !asked) break;
    }
    std::optional<Next> served = Next::close;
    try {
      served = co_await serve_one();
    } catch (...) {  // from an object of the handler
      log_exception();
    }
    if (!served) {
      // The stream was readable, but no byte of a head came. The time for a head begins with the
      // first such event, so repeating it does not extend the wait.
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

// Hands the stream on, or refuses to: an HTTP/2 connection needs more memory than this connection
// was admitted for. Returns the next step of run().
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

// Reports whether to continue waiting for a head after a wait that has ended.
bool H1Connection::may_go_on(const Result<void>& read, net::Time began) const {
  if (read) return false;
  if (read.error().is(Errc::timed_out)) return stream_->reactor().now() < end_of_head(began);
  if (!read.error().is(Errc::cancelled)) return false;
  // A drain interrupted the wait. Continue if a part of a head is here or in the kernel.
  return !input_.empty() || stream_->has_unread_now();
}

net::Time H1Connection::end_of_idleness() const noexcept {
  return io::deadline_after(stream_->reactor().now(),
                            worker_.configuration()->options().idle_timeout);
}

// Returns the deadline for a head that began at `began`. A drain shortens it.
net::Time H1Connection::end_of_head(net::Time began) const noexcept {
  const net::Time last =
      io::deadline_after(began, worker_.configuration()->options().header_timeout);
  if (!worker_.is_draining()) return last;
  return std::min(last, worker_.drain_state().end_of_rest(began));
}

// Called when there was no memory for a wait.
void H1Connection::on_exception() noexcept {
  end();
}

void H1Connection::log_exception() const {
  worker_.shared().log(LogLevel::error, exception_text());
}

// Returns std::nullopt if no byte of a request has arrived. A request that arrives later is served
// with the configuration of that time.
task<std::optional<Next>> H1Connection::serve_one() {
  if (++served_ % kRequestsPerTurn == 0) co_await io::yield(stream_->reactor());
  const net::Time began = stream_->reactor().now();
  // The head is read within the limits of the configuration that serves the request.
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
      // Looks again every second, since a drain that begins while bytes arrive interrupts nothing.
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
