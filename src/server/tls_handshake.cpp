// SPDX-License-Identifier: Apache-2.0
#include "server/tls_handshake.hpp"

#include "server/log_text.hpp"
#include "server/shard_server.hpp"

#include <cerrno>
#include <new>
#include <span>
#include <string>
#include <utility>

namespace onehop::server {
namespace {

// How long the peer may take to read why it was refused, before the connection is closed.
constexpr net::Duration kLinger = std::chrono::seconds(1);
constexpr std::size_t kLingerOctets = std::size_t{256} * 1024;

constexpr std::string_view kPlainHttpAnswer =
    "HTTP/1.0 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Connection: close\r\n"
    "Content-Length: 65\r\n"
    "\r\n"
    "This port speaks HTTPS, and the request was plain HTTP: https://\n";

}  // namespace

TlsHandshake::TlsHandshake(ShardServer& shard,
                           std::shared_ptr<const net::TlsServerContext> context,
                           std::unique_ptr<net::Stream> stream,
                           const Origin& origin)
    : ClientConnection(shard),
      stream_(net::TlsServerContext::accept(std::move(context), std::move(stream))),
      origin_(origin),
      ended_(&TlsHandshake::on_ended, this) {}

// Not from within run(): it and the stream it uses go here.
void TlsHandshake::on_ended(void* self) {
  const std::unique_ptr<TlsHandshake> handshake(static_cast<TlsHandshake*>(self));
  if (!handshake->established_) return;
  try {
    handshake->shard_.start_connection(std::move(handshake->stream_), handshake->origin_);
  } catch (const std::bad_alloc&) {  // which costs this connection, and not the event loop
  }
}

TlsHandshake::~TlsHandshake() {
  running_ = {};
}

void TlsHandshake::start() {
  running_ = run();
  running_.start();
}

void TlsHandshake::end_when_idle() noexcept {
  if (stream_) stream_->interrupt_handshake();
}

void TlsHandshake::on_exception() noexcept {
  established_ = false;
  shard_.reactor().schedule(ended_);
}

RootTask<TlsHandshake> TlsHandshake::run() {
  const net::Duration patience = shard_.tls()->handshake_timeout();
  const net::Time now = stream_->reactor().now();
  auto shaken = co_await stream_->handshake(io::deadline_after(now, patience));
  established_ = shaken.has_value();
  if (!established_) co_await refuse(std::move(shaken.error()));
  shard_.reactor().schedule(ended_);
}

void TlsHandshake::note_failure(const Error& error) const {
  const Common& common = shard_.common();
  std::string line = "TLS handshake failed: peer=";
  append_log_value(line, origin_.peer.to_string());
  line += " failure=\"";
  append_escaped(line, error.to_string());
  line += '"';
  const net::Time now = stream_->reactor().now();
  if (stream_->got_plain_http()) {
    common.log_limited(shard_.common().plain_http_lines, now, std::move(line));
  } else if (stream_->has_received()) {
    common.log_limited(shard_.common().handshake_lines, now, std::move(line));
  } else {
    common.log(LogLevel::info, line);  // a look whether the port is open
  }
}

// An alert, or an answer in clear, is of no use when a reset overtakes it: so what the client still
// sends is read and dropped for a moment.
task<void> TlsHandshake::refuse(Error error) {
  if (error.is(Errc::cancelled)) co_return;
  note_failure(error);
  const bool plain = stream_->got_plain_http();
  const auto clear = stream_->give_up();
  stream_.reset();
  if (!error.is(Errc::tls_failed)) co_return;
  if (plain) (void)clear->try_write(kPlainHttpAnswer.data(), kPlainHttpAnswer.size());
  clear->close_write();
  const net::Time deadline = io::deadline_after(clear->reactor().now(), kLinger);
  std::size_t dropped = 0;
  while (dropped < kLingerOctets) {
    const std::span<char> scratch = clear->reactor().scratch();
    const ssize_t got = clear->try_read(scratch.data(), scratch.size());
    if (got > 0) {
      dropped += static_cast<std::size_t>(got);
      continue;
    }
    if (got != -EAGAIN) co_return;
    const auto wait = co_await clear->readable(deadline);
    if (wait != net::Wait::ready) co_return;
  }
}

}  // namespace onehop::server
