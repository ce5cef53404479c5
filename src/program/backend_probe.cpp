// SPDX-License-Identifier: Apache-2.0
#include "program/backend_probe.hpp"

#include "base/shortage.hpp"
#include "io/file_descriptor.hpp"
#include "io/reactor.hpp"
#include "net/address.hpp"
#include "net/name_servers.hpp"
#include "net/resolver.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

namespace onehop::program {
namespace {

bool has_own_address(int socket, const net::Address& peer) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  auto* const address = reinterpret_cast<sockaddr*>(&own);
  return ::getsockname(socket, address, &size) == 0 &&
         net::Address(address, size).ip() == peer.ip();
}

// Returns 0 or an errno.
int try_connect(const net::Address& address,
                std::chrono::milliseconds patience,
                ProbeResult& result) {
  const io::FileDescriptor socket(
      ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return errno;
  const auto succeed = [&] {
    result.reached = address.to_string();
    result.is_this_machine = address.family() != AF_UNIX && has_own_address(socket.get(), address);
    return 0;
  };
  if (::connect(socket.get(), address.data(), address.size()) == 0) return succeed();
  if (errno != EINPROGRESS) return errno;
  pollfd connected{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&connected, 1, static_cast<int>(patience.count())) == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? succeed() : error;
}

// Any other error is more telling than a shortage.
void fail(ProbeResult& result, std::error_code error) {
  const bool is_short = is_shortage(error);
  if (is_short && !result.problem.empty() && !result.is_inconclusive) return;
  result.problem = error.message();
  result.is_inconclusive = is_short;
}

void fail(ProbeResult& result, int error) {
  fail(result, std::error_code(error, std::system_category()));
}

ProbeResult probe_socket(const Url& backend, std::chrono::milliseconds patience) {
  ProbeResult result;
  const auto address = net::Address::from_socket_path(backend.socket_path());
  if (!address) {
    result.problem = address.error().detail();
  } else if (const int error = try_connect(*address, patience, result)) {
    fail(result, error);
  }
  return result;
}

using Clock = std::chrono::steady_clock;

// Resolves the name as the system does.
std::vector<net::Address> look_up(const Url& backend, ProbeResult& result) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string host(backend.host());
  const std::string port = std::to_string(backend.port());
  errno = 0;
  const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  const int error = failed == EAI_MEMORY ? ENOMEM : errno;
  // Without descriptors, the result is often that the name is unknown. EADDRNOTAVAIL may be left
  // from a name server that has no route.
  if (failed != 0 && is_shortage(error) && error != EADDRNOTAVAIL) {
    fail(result, error);
  } else if (failed != 0) {
    result.problem = ::gai_strerror(failed);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  std::vector<net::Address> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next)
    addresses.emplace_back(one->ai_addr, one->ai_addrlen);
  return addresses;
}

// Resolves the name as the service does, with these name servers.
std::vector<net::Address> ask(const config::NamedBackend& backend,
                              Clock::time_point deadline,
                              ProbeResult& result) {
  try {
    io::Reactor reactor;
    const io::Reactor::Enter enter(reactor);
    net::ResolverOptions options;
    options.servers = net::list_of_name_servers(backend.dns_servers);
    net::Resolver resolver(reactor, std::move(options));
    auto work = resolver.resolve(std::string(backend.url.host()), backend.url.port());
    work.start();
    while (!work.done() && Clock::now() < deadline)
      reactor.run_once(deadline - Clock::now());
    if (!work.done()) {
      result.problem = "the name servers do not respond";
      return {};
    }
    auto found = work.take();
    if (found) return std::move(*found);
    result.problem = found.error().to_string();
  } catch (const std::system_error& error) {  // no event loop, because no descriptors are left
    fail(result, error.code());
  }
  return {};
}

// Reports whether the listener covers the address: "[::]:80" accepts connections to "127.0.0.1:80",
// too.
bool covers(std::string_view listener, std::string_view reached) {
  const auto port_of = [](std::string_view address) {
    return address.substr(address.rfind(':') + 1);
  };
  const bool any = listener.starts_with("[::]:") ||
                   (listener.starts_with("0.0.0.0:") && !reached.starts_with('['));
  return any && port_of(listener) == port_of(reached);
}

}  // namespace

bool leads_back_to(const std::vector<std::string>& listeners, const ProbeResult& probe) {
  if (probe.reached.empty()) return false;
  return std::any_of(listeners.begin(), listeners.end(), [&](const std::string& listener) {
    return listener == probe.reached || (probe.is_this_machine && covers(listener, probe.reached));
  });
}

ProbeResult probe_backend(const config::NamedBackend& backend, std::chrono::milliseconds patience) {
  if (backend.url.scheme() == "unix") return probe_socket(backend.url, patience);
  ProbeResult result;
  const auto deadline = Clock::now() + patience;
  const std::vector<net::Address> found =
      backend.dns_servers.empty() ? look_up(backend.url, result) : ask(backend, deadline, result);
  bool answers = false;
  for (const net::Address& address : found) {
    result.addresses.push_back(address.ip());
    if (answers) continue;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const int error = try_connect(address, std::max(left, std::chrono::milliseconds(1)), result);
    answers = error == 0;
    if (!answers) fail(result, error);
  }
  if (answers) {
    result.problem.clear();
    result.is_inconclusive = false;
  }
  return result;
}

}  // namespace onehop::program
