// SPDX-License-Identifier: Apache-2.0
#include "server/connection.hpp"

#include "server/shard_server.hpp"

#include <cerrno>
#include <utility>

namespace onehop::server {
namespace {

// How long, and how much, a client may go on sending behind an answer that ends the connection.
constexpr net::Duration kLinger = std::chrono::seconds(1);
constexpr std::size_t kLingerOctets = 4 * 1024 * 1024;

void destroy(void* self) {
  delete static_cast<Connection*>(self);
}

}  // namespace

Connection::Connection(ShardServer& shard,
                       std::unique_ptr<net::Stream> stream,
                       const net::Address& peer,
                       std::string_view local)
    : shard_(shard), stream_(std::move(stream)), ended_(&destroy, this) {
  const char* end = peer.write_ip(peer_text_.data());
  info_.peer = {peer_text_.data(), static_cast<std::size_t>(end - peer_text_.data())};
  info_.peer_port = peer.port();
  info_.local = local;
}

Connection::Connection(Connection& before)
    : shard_(before.shard_),
      stream_(std::move(before.stream_)),
      info_(before.info_),
      peer_text_(before.peer_text_),
      ended_(&destroy, this) {
  info_.peer = {peer_text_.data(), before.info_.peer.size()};
}

Connection::~Connection() {
  shard_.connection_ended(*this);
}

void Connection::end() {
  shard_.reactor().schedule(ended_);
}

task<void> Connection::linger() {
  stream_->close_write();
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
