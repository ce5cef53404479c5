// SPDX-License-Identifier: Apache-2.0
#include "server/h1_connection.hpp"

#include "server/shard_server.hpp"
#include "wire/head_reader.hpp"

#include <utility>

namespace onehop::server {
namespace {

// How long, and how much, a client may go on sending behind an answer that ends the connection.
constexpr net::Duration kLinger = std::chrono::seconds(1);
constexpr std::size_t kLingerOctets = 4 * 1024 * 1024;

}  // namespace

H1Connection::H1Connection(ShardServer& shard,
                           std::unique_ptr<net::Stream> stream,
                           const Origin& origin)
    : ClientConnection(shard),
      stream_(std::move(stream)),
      input_(stream_->reactor().buffers()),
      ended_([](void* self) { delete static_cast<H1Connection*>(self); }, this) {
  const char* end = origin.peer.write_ip(peer_text_.data());
  info_.peer = {peer_text_.data(), static_cast<std::size_t>(end - peer_text_.data())};
  info_.peer_port = origin.peer.port();
  info_.local = origin.local;
  info_.tls_info = stream_->tls();
  info_.tls = info_.tls_info != nullptr;
}

H1Connection::~H1Connection() {
  running_ = {};
}

void H1Connection::start() {
  running_ = run();
  running_.start();
}

void H1Connection::end_if_idle() noexcept {
  if (idle_) stream_->interrupt_reader();
}

task<void> H1Connection::run() {
  Next next = Next::keep_alive;
  while (next == Next::keep_alive) {
    if (input_.empty()) {
      input_.release();
      // What had arrived before the end is still served.
      if (shard_.is_draining() && !stream_->has_unread_now()) break;
      idle_ = true;
      const net::Time now = stream_->reactor().now();
      const auto wait =
          co_await stream_->readable(io::deadline_after(now, shard_.options().idle_timeout));
      idle_ = false;
      if (wait != net::Wait::ready) break;
    }
    next = Next::close;
    try {
      next = co_await serve_one();
    } catch (const std::exception& exception) {  // out of a body or a tunnel of the handler's own
      shard_.common().log(LogLevel::error, exception.what());
    }
  }
  if (next == Next::linger) co_await linger();
  stream_->reactor().schedule(ended_);
}

task<Next> H1Connection::serve_one() {
  const net::Time began = stream_->reactor().now();
  auto parser = shard_.parsers().take();
  const wire::HeadSource source(*stream_, input_, *parser, Side::client, shard_.head_limit());
  auto read = wire::try_read_head(source);
  if (!read) {
    const net::Time deadline = io::deadline_after(began, shard_.options().header_timeout);
    read = co_await wire::read_head(source, deadline);
  }
  if (!*read) {
    const Error& error = read->error();
    // Nobody asked anything, or nobody is there to hear an answer.
    if (error.is(Errc::closed) || error.is(Errc::cancelled)) co_return Next::close;
    if (error.code().category() == std::system_category()) co_return Next::close;
    if (error.is(Errc::truncated) || error.is(Errc::tls_failed)) co_return Next::close;
    if (error.is(Errc::timed_out) && !parser->begun()) co_return Next::close;
    H1Exchange exchange(shard_, *stream_, input_, info_, began);
    Error refusal = error;
    refusal.during(Phase::head);
    co_return co_await exchange.refuse(std::move(refusal));
  }
  H1Exchange exchange(shard_, *stream_, input_, info_, began);
  co_return co_await exchange.run(*parser);
}

// Closing with unread octets would reset the connection and take the answer from the client.
task<void> H1Connection::linger() {
  stream_->close_write();
  input_.release();
  const net::Time deadline = io::deadline_after(stream_->reactor().now(), kLinger);
  std::size_t dropped = 0;
  while (dropped < kLingerOctets) {
    const std::span<char> scratch = stream_->reactor().scratch();
    const ssize_t got = stream_->try_read(scratch.data(), scratch.size());
    if (got > 0) {
      dropped += static_cast<std::size_t>(got);
      continue;
    }
    if (got != -EAGAIN) co_return;
    const auto wait = co_await stream_->readable(deadline);
    if (wait != net::Wait::ready) co_return;
  }
}

}  // namespace onehop::server
