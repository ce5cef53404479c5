// SPDX-License-Identifier: Apache-2.0
#include "observe/admin_listener.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

namespace onehop::observe {
namespace {

constexpr std::chrono::seconds kHeadTimeout(5);
constexpr std::chrono::seconds kWriteTimeout(10);
// Longer than the usual interval of scrapes.
constexpr std::chrono::seconds kIdleTimeout(75);
constexpr std::size_t kMaxConnections = 64;
// Leaves room for other clients. Eight browsers with the dashboard open need less.
constexpr std::size_t kMaxOfOneClient = 48;
constexpr std::size_t kMaxHead = 16UL * 1024;
constexpr std::size_t kMaxFields = 64;
constexpr std::size_t kMaxRequestLine = 4UL * 1024;
constexpr std::uint64_t kMaxBody = 64UL * 1024;

Server::Options server_options(AdminListener::Options given) {
  Server::Options options;
  options.listen = std::move(given.address);
  options.tls = std::move(given.tls);
  options.log = std::move(given.log);
  options.on_listening = std::move(given.on_listening);
  options.open_sockets = std::move(given.open_sockets);
  options.accept_at_once = false;
  options.workers = 1;
  options.header_timeout = kHeadTimeout;
  options.body_timeout = kHeadTimeout;
  options.write_timeout = kWriteTimeout;
  options.idle_timeout = kIdleTimeout;
  options.max_request_line = kMaxRequestLine;
  options.max_header_bytes = kMaxHead;
  options.max_header_fields = kMaxFields;
  options.max_body = kMaxBody;
  options.max_client_connections = kMaxConnections;
  options.max_connections_per_client = kMaxOfOneClient;
  options.http2 = false;
  // Operators also need the pages when memory is short.
  options.max_memory = no_limit;
  // A failure here is the fault of an admin client, so it is not logged.
  options.on_exchange_end = [](const ExchangeRecord&) {};
  return options;
}

}  // namespace

AdminListener::AdminListener(Options options)
    : options_(std::move(options)), server_(server_options(options_)) {}

Result<void> AdminListener::open(std::shared_ptr<const Handler> pages) {
  pages_ = std::move(pages);
  return server_.start(pages_);
}

// The single worker asks for its handler once everything else is ready. If `then` fails, an
// exception at that point undoes the update.
Result<void> AdminListener::update(std::optional<TlsServerOptions> tls,
                                   const std::function<Result<void>()>& then) {
  Options next = options_;
  next.tls = std::move(tls);
  next.open_sockets.clear();  // the listener keeps its socket
  Result<void> followed;
  const auto updated = server_.update_per_worker(server_options(next), [&] {
    if (then) followed = then();
    if (!followed) throw std::runtime_error("what follows has failed");
    return pages_;
  });
  if (!followed) return followed;
  if (updated) options_ = std::move(next);
  return updated;
}

void AdminListener::finish(std::chrono::milliseconds patience) {
  server_.stop(patience);
}

std::string AdminListener::address() const {
  const auto addresses = server_.addresses();
  return addresses.empty() ? std::string() : addresses.front();
}

}  // namespace onehop::observe
