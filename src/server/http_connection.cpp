// SPDX-License-Identifier: Apache-2.0
#include "server/http_connection.hpp"

#include "server/shard_server.hpp"

#include <utility>

namespace onehop::server {
namespace {

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
  info_.peer_is_trusted = shard.common().trusted.includes(info_.peer);
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

std::optional<RequestPlace> HttpConnection::enter_request(std::string_view client) const {
  if (place_) return place_->enter_request();
  auto& limit = shard_.common().client_limit;
  if (!limit || !info_.peer_is_trusted) return RequestPlace();
  const std::optional<net::Address> address = net::Address::from_ip(client, 0);
  return address ? limit->enter_request(*address) : RequestPlace();
}

void HttpConnection::end() noexcept {
  shard_.reactor().schedule(ended_);
}

}  // namespace onehop::server
