// SPDX-License-Identifier: Apache-2.0
#include "net/tls_dialer.hpp"

#include "net/tls_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace onehop::net {
namespace {

const TlsProtocols kHttp1 = {"http/1.1"};
const TlsProtocols kBoth = {"h2", "http/1.1"};

// Sends `preamble`. Errors have the phase connect and are retry_safe.
task<Result<void>> send_preamble(Stream& stream, const std::string& preamble, Time deadline) {
  std::size_t sent = 0;
  while (sent < preamble.size()) {
    const IoResult written = stream.try_write(preamble.data() + sent, preamble.size() - sent);
    if (written.has_bytes()) {
      sent += written.count();
      continue;
    }
    if (!written.is_wait()) {
      Error error = stream.error_of(written.error(), Side::upstream);
      co_return failure(error.during(Phase::connect).retry_safe(true));
    }
    const auto wait = co_await stream.writable(deadline);
    if (wait != Wait::timed_out) continue;
    Error error(Errc::timed_out, Side::upstream);
    co_return failure(error.during(Phase::connect).retry_safe(true));
  }
  co_return Result<void>();
}

// Returns the place of an error on an established connection.
std::string place_of(const Destination& destination, const Dialled& dialled) {
  return "while connecting to " + destination.host + " (" + dialled.address + ")";
}

}  // namespace

Result<std::shared_ptr<const TlsClientContext>> LazyTlsClientContext::get(FileKinds kinds) {
  const std::lock_guard lock(mutex_);
  if (!made_) {
    auto made = TlsClientContext::make(options_, kinds);
    if (!made) return failure(made.error());
    made_ = std::move(*made);
  }
  return made_;
}

std::shared_ptr<TlsSessions> TlsSessionsByServer::of(const std::string& server) {
  const auto found = all_.find(server);
  if (found != all_.end()) return found->second;
  if (all_.size() >= forget_at_) {
    std::erase_if(all_, [](const auto& each) { return each.second.use_count() == 1; });
    forget_at_ = std::max(kServersKept, 2 * all_.size());  // avoids a scan for each new server
  }
  return all_[server] = std::make_shared<TlsSessions>();
}

task<Result<Dialled>> TlsDialer::dial(const Destination& destination) {
  const Time deadline = io::deadline_after(reactor_.now(), total_timeout_);
  auto dialled = co_await inner_->dial(destination);
  if (dialled && !destination.preamble.empty()) {
    auto sent = co_await send_preamble(*dialled->stream, destination.preamble, deadline);
    if (!sent) {
      if (destination.reports) {
        destination.reports->on_attempt_failed(dialled->address, sent.error());
      }
      co_return failure(sent.error().with(place_of(destination, *dialled)));
    }
  }
  if (!dialled || !destination.tls) co_return dialled;
  const std::string where = place_of(destination, *dialled);
  auto context = context_->get();
  if (!context) co_return failure(context.error().during(Phase::tls).with(where));
  const std::string server = destination.host + ":" + std::to_string(destination.port);
  auto stream =
      TlsClientContext::connect(std::move(*context), std::move(dialled->stream), destination.host,
                                sessions_.of(server), destination.http2 ? kBoth : kHttp1);
  if (!stream) {
    Error error(Errc::tls_failed, Side::upstream,
                "the host is not a name that a certificate can have");
    co_return failure(error.during(Phase::tls).with(where));
  }
  const Time began = reactor_.now();
  auto shaken = co_await stream->handshake(deadline);
  if (!shaken) {
    if (destination.reports) {
      destination.reports->on_attempt_failed(dialled->address, shaken.error());
    }
    co_return failure(shaken.error().retry_safe(true).with(where));
  }
  dialled->stream = std::move(stream);
  dialled->handshake_time = reactor_.now() - began;
  co_return dialled;
}

}  // namespace onehop::net
