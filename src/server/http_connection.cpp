// SPDX-License-Identifier: Apache-2.0
#include "server/http_connection.hpp"

#include "server/shard_server.hpp"

#include <cerrno>
#include <utility>

namespace onehop::server {
namespace {

// How long, and how much, a client may go on sending behind an answer that ends the connection.
constexpr net::Duration kLinger = std::chrono::seconds(1);
constexpr std::size_t kLingerOctets = 4 * 1024 * 1024;

void destroy(void* self) {
  delete static_cast<HttpConnection*>(self);
}

}  // namespace

HttpConnection::HttpConnection(ShardServer& shard,
                               std::unique_ptr<net::Stream> stream,
                               const Origin& origin)
    : ClientConnection(shard),
      stream_(std::move(stream)),
      place_(origin.place),
      ended_(&destroy, this) {
  const char* end = origin.peer.write_ip(peer_text_.data());
  info_.peer = {peer_text_.data(), static_cast<std::size_t>(end - peer_text_.data())};
  info_.peer_port = origin.peer.port();
  info_.local = origin.local;
  info_.tls_info = stream_->tls();
  info_.tls = info_.tls_info != nullptr;
  info_.id = ConnectionId(io::Endings::new_number());
}

HttpConnection::HttpConnection(HttpConnection& before)
    : ClientConnection(before.shard_),
      stream_(std::move(before.stream_)),
      info_(before.info_),
      peer_text_(before.peer_text_),
      place_(std::move(before.place_)),
      ended_(&destroy, this) {
  info_.peer = {peer_text_.data(), before.info_.peer.size()};
  before.info_.id = ConnectionId();  // it goes on here
}

HttpConnection::~HttpConnection() {
  if (info_.id) shard_.reactor().note_end(info_.id.number());
}

void HttpConnection::end() {
  shard_.reactor().schedule(ended_);
}

task<void> HttpConnection::linger() {
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
