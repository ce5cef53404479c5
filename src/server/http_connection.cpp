// SPDX-License-Identifier: Apache-2.0
#include "server/http_connection.hpp"

#include "net/peer_user.hpp"
#include "server/worker_context.hpp"

#include <utility>

namespace onehop::server {

HttpConnection::HttpConnection(WorkerContext& worker,
                               std::unique_ptr<net::Stream> stream,
                               const AcceptedFrom& from)
    : ClientConnection(worker, from.listener),
      stream_(std::move(stream)),
      ticket_(from.ticket),
      ended_(io::call<&HttpConnection::on_ended>(this)) {
  const char* end = from.peer.write_ip(peer_text_.data());
  info_.peer = {peer_text_.data(), static_cast<std::size_t>(end - peer_text_.data())};
  info_.peer_port = from.peer.port();
  if (from.peer.is_unix() && !from.is_named) {
    info_.peer_user = net::peer_user(stream_->plain_descriptor()).value_or(ConnectionInfo::kNoUser);
  }
  info_.peer_is_trusted = worker.configuration()->trusted().includes(info_.peer);
  info_.local = listener_->name();
  info_.tls_info = stream_->tls();
  info_.tls = info_.tls_info != nullptr;
  info_.id = ConnectionId(io::Endings::new_number());
}

HttpConnection::HttpConnection(HttpConnection& before)
    : ClientConnection(before.worker_, before.listener_),
      stream_(std::move(before.stream_)),
      info_(before.info_),
      peer_text_(before.peer_text_),
      ticket_(std::move(before.ticket_)),
      ended_(io::call<&HttpConnection::on_ended>(this)) {
  info_.peer = {peer_text_.data(), before.info_.peer.size()};
  before.info_.id = ConnectionId();  // this object continues it
}

HttpConnection::~HttpConnection() {
  if (info_.id) worker_.reactor().notify_end(info_.id.number());
}

bool HttpConnection::has_trusted_peer(const ConfigurationRef& configuration) const {
  const bool is_current = &*configuration == &*worker_.configuration();
  return is_current ? info_.peer_is_trusted : configuration->trusted().includes(info_.peer);
}

// ticket_ is kept when an update makes the peer trusted: requests in progress may count by it.
std::optional<RequestTicket> HttpConnection::enter_request(std::string_view client,
                                                           bool peer_is_trusted) const {
  const ConnectionTicket none;
  return worker_.admission().enter_request(peer_is_trusted ? none : ticket_, client);
}

void HttpConnection::on_configured() noexcept {
  info_.peer_is_trusted = worker_.configuration()->trusted().includes(info_.peer);
}

// Runs outside the connection's coroutines, which end with it.
void HttpConnection::on_ended() {
  worker_.owner().connection_ended(*this);
}

void HttpConnection::end() noexcept {
  worker_.reactor().schedule(ended_);
}

}  // namespace onehop::server
