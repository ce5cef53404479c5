// SPDX-License-Identifier: Apache-2.0
#include "server/tls_handshake.hpp"

#include "net/tls_challenge.hpp"
#include "server/linger.hpp"
#include "server/log_text.hpp"
#include "server/worker_context.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

namespace onehop::server {
namespace {

constexpr std::string_view kPlainHttpResponse =
    "HTTP/1.0 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Connection: close\r\n"
    "Content-Length: 65\r\n"
    "\r\n"
    "This port speaks HTTPS, and the request was plain HTTP: https://\n";

}  // namespace

TlsHandshake::TlsHandshake(WorkerContext& worker,
                           TlsTerms terms,
                           std::unique_ptr<net::Stream> stream,
                           const AcceptedFrom& from)
    : ClientConnection(worker, from.listener),
      stream_(net::TlsServerContext::accept(std::move(terms.context), std::move(stream))),
      from_(from),
      timeout_(terms.timeout),
      ended_(io::call<&TlsHandshake::on_ended>(this)) {}

// Runs outside run(), which is destroyed here with the stream it uses.
void TlsHandshake::on_ended() {
  WorkerContext::Owner& worker = worker_.owner();
  try {
    if (established_ && !was_challenge()) {
      worker.start_connection(std::move(stream_), from_);
    }
  } catch (const std::bad_alloc&) {  // this connection is lost, not the event loop
  }
  worker.connection_ended(*this);
}

// Reports whether the client was a certificate authority that only had to see the certificate.
bool TlsHandshake::was_challenge() const noexcept {
  return stream_->tls()->protocol == net::kChallengeProtocol;
}

TlsHandshake::~TlsHandshake() {
  running_ = {};
}

void TlsHandshake::start() {
  running_ = run();
  running_.start();
  end_when_idle();  // a drain may have begun during the wait for a PROXY header
}

void TlsHandshake::end_when_idle() noexcept {
  if (stream_ && worker_.is_draining()) stream_->interrupt_handshake();
}

void TlsHandshake::on_exception() noexcept {
  established_ = false;
  worker_.reactor().schedule(ended_);
}

RootTask<TlsHandshake> TlsHandshake::run() {
  const net::Time now = stream_->reactor().now();
  const net::Time last = io::deadline_after(now, timeout_);
  auto shaken = co_await stream_->handshake(last);
  while (!shaken && shaken.error().is(Errc::cancelled)) {
    const bool has_received = stream_->has_received();
    const net::Time end = std::min(last, worker_.drain_state().end_of_opening(now, has_received));
    if (stream_->reactor().now() >= end) break;
    shaken = co_await stream_->handshake(end);
  }
  established_ = shaken.has_value();
  count(established_ ? nullptr : &shaken.error(), now);
  if (!established_) co_await refuse(std::move(shaken.error()));
  worker_.reactor().schedule(ended_);
}

// `failure` is null if the handshake has succeeded.
void TlsHandshake::count(const Error* failure, net::Time began) noexcept {
  WorkerCounters::Tls& counters = worker_.counters().tls;
  if (!failure) {
    const TlsInfo& info = *stream_->tls();
    if (info.version == "TLSv1.3") {
      (info.resumed ? counters.tls1_3_resumed : counters.tls1_3_full).add(1);
    } else {
      (info.resumed ? counters.tls1_2_resumed : counters.tls1_2_full).add(1);
    }
    counters.durations.add(stream_->reactor().now() - began);
  } else if (stream_->got_plain_http()) {
    counters.plain_http.add(1);
  } else {
    (failure->is(Errc::timed_out) ? counters.timed_out : counters.failed).add(1);
  }
}

void TlsHandshake::log_failure(const Error& error) const {
  ServerShared& common = worker_.shared();
  std::string line = "TLS handshake failed: peer=";
  append_log_value(line, from_.peer.to_string());
  line += " failure=\"";
  append_escaped(line, error.to_string());
  line += '"';
  if (stream_->got_plain_http()) {
    worker_.log_limited(common.plain_http_lines, std::move(line));
  } else if (stream_->has_received()) {
    worker_.log_limited(common.handshake_lines, std::move(line));
  } else {
    common.log(LogLevel::info, line);  // a probe for an open port
  }
}

// Lets the client read the alert, or a response without TLS: a reset could overtake either, so the
// connection lingers.
task<void> TlsHandshake::refuse(Error error) {
  if (error.is(Errc::cancelled)) co_return;
  log_failure(error);
  const bool plain = stream_->got_plain_http();
  const auto clear = stream_->give_up();
  stream_.reset();
  if (!error.is(Errc::tls_failed)) co_return;
  if (plain) (void)clear->try_write(kPlainHttpResponse.data(), kPlainHttpResponse.size());
  co_await linger(*clear, kLingerAfterHandshake, worker_.drain_state());
}

}  // namespace onehop::server
