// SPDX-License-Identifier: Apache-2.0
#include "net/custom_dialer.hpp"

#include <onehop/detail/clock.hpp>
#include <onehop/scope.hpp>

#include "base/exception_text.hpp"
#include "net/socket_options.hpp"
#include "net/tcp_stream.hpp"

#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace onehop {

DialledConnection::DialledConnection(int socket, std::string address) {
  if (socket < 0) throw std::invalid_argument("DialledConnection: the socket is negative");
  io::FileDescriptor owned(socket);
  ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
  net::set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);  // fails for other sockets
  auto stream = std::make_unique<net::TcpStream>(io::Reactor::current(), std::move(owned),
                                                 net::TcpStream::Role::connected);
  dialled_ = std::make_unique<net::Dialled>(std::move(stream), std::move(address));
}

DialledConnection::DialledConnection(std::unique_ptr<net::Dialled> dialled) noexcept
    : dialled_(std::move(dialled)) {}
DialledConnection::DialledConnection(DialledConnection&&) noexcept = default;
DialledConnection& DialledConnection::operator=(DialledConnection&&) noexcept = default;
DialledConnection::~DialledConnection() = default;

std::unique_ptr<net::Dialled> DialledConnection::release() noexcept {
  return std::move(dialled_);
}

namespace net {
namespace {

DialTarget target_of(const Destination& destination) {
  if (!destination.socket_path.empty()) return DialTarget(destination.socket_path);
  return {destination.connect_host(), destination.port};
}

std::string where(const DialTarget& target) {
  if (!target.socket_path.empty()) return "while connecting to unix:" + target.socket_path;
  return "while connecting to " + target.host + ":" + std::to_string(target.port);
}

}  // namespace

task<Result<Dialled>> CustomDialer::dial(const Destination& destination) {
  const DialTarget target = target_of(destination);
  const Time deadline = onehop::detail::time_after(timeout_);
  Result<DialledConnection> connected = failure(Errc::timed_out, Side::upstream);
  try {
    auto dialling = dialer_->dial(target);
    auto timed = with_timeout(timeout_, std::move(dialling));
    auto result = co_await std::move(timed);
    // The dialer may return an error of this kind itself.
    const bool is_late =
        !result && result.error().is(Errc::timed_out) && onehop::detail::now() >= deadline;
    if (!is_late) connected = std::move(result);
  } catch (...) {
    connected =
        failure(Errc::connect_failed, Side::upstream, "the dialer threw: " + exception_text());
  }
  if (!connected) {
    Error& error = connected.error();
    if (error.phase() == Phase::none) error.during(Phase::connect);
    co_return failure(error.retry_safe(true).with(where(target)));
  }
  auto dialled = connected->release();
  co_return std::move(*dialled);
}

}  // namespace net
}  // namespace onehop
