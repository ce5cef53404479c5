// SPDX-License-Identifier: Apache-2.0
#include "server/http_connection.hpp"

#include "io/event.hpp"
#include "io/yield.hpp"
#include "server/shard_server.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace onehop::server {
namespace {

// How long a client may go on sending after a response that ends the connection: while it sends,
// and never longer than the last of these. During a drain it is given less.
constexpr net::Duration kLingerSilence = std::chrono::seconds(5);
constexpr net::Duration kLingerSilenceOfDrain = std::chrono::seconds(1);
constexpr net::Duration kLongestLinger = std::chrono::seconds(30);
constexpr net::Duration kLongestLingerOfDrain = std::chrono::seconds(2);
// How many bytes are read and dropped for it. More is left unread until the client leaves, or its
// time is over: to close earlier would reset the connection.
constexpr std::size_t kLingerBytes = 64 * 1024 * 1024;
constexpr std::size_t kLingerBytesPerTurn = 1024 * 1024;

class Unwatch {
 public:
  explicit Unwatch(net::Stream& stream) noexcept : stream_(stream) {}
  Unwatch(const Unwatch&) = delete;
  Unwatch& operator=(const Unwatch&) = delete;
  ~Unwatch() { stream_.watch_hangup(nullptr); }

 private:
  net::Stream& stream_;
};

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

// A stop does not wait for a client that goes on sending, however slowly.
net::Time HttpConnection::end_of_linger(net::Time began) const noexcept {
  const net::Time last = io::deadline_after(began, kLongestLinger);
  if (!shard_.is_draining()) return last;
  return std::min(last, std::max(began, shard_.drain_began()) + kLongestLingerOfDrain);
}

task<void> HttpConnection::linger() {
  stream_->close_write();
  io::Reactor& reactor = stream_->reactor();
  const net::Time began = reactor.now();
  std::size_t dropped = 0;
  std::size_t turn = 0;
  while (dropped < kLingerBytes) {
    if (reactor.now() >= end_of_linger(began)) co_return;
    const std::span<char> scratch = reactor.scratch();
    const ssize_t got = stream_->try_read(scratch.data(), scratch.size());
    if (got > 0) {
      dropped += static_cast<std::size_t>(got);
      turn += static_cast<std::size_t>(got);
      if (turn < kLingerBytesPerTurn) continue;
      turn = 0;
      co_await io::yield(reactor);
      continue;
    }
    if (got != -EAGAIN) co_return;
    const net::Duration silence = shard_.is_draining() ? kLingerSilenceOfDrain : kLingerSilence;
    const net::Time deadline =
        std::min(end_of_linger(began), io::deadline_after(reactor.now(), silence));
    const auto wait = co_await stream_->readable(deadline);
    // Interrupted, by a drain or by the end of a session, it looks again how long it may wait.
    if (wait == net::Wait::timed_out) co_return;
  }
  co_await until_broken(began);
}

// Until the client has left altogether, or the time is over.
task<void> HttpConnection::until_broken(net::Time began) {
  io::Reactor& reactor = stream_->reactor();
  io::Event left(reactor);
  io::Wakeup broken([](void* event) { static_cast<io::Event*>(event)->set(); }, &left);
  stream_->watch_hangup(&broken, net::Stream::Hangup::broken);
  const Unwatch unwatch(*stream_);
  bool is_over = false;
  while (!is_over && reactor.now() < end_of_linger(began)) {
    // Looks now and then whether a drain has begun.
    const net::Time next = io::deadline_after(reactor.now(), kLingerSilenceOfDrain);
    is_over = co_await left.wait(std::min(next, end_of_linger(began)));
  }
}

}  // namespace onehop::server
