// SPDX-License-Identifier: Apache-2.0
#include <onehop/transport.hpp>

#include "net/custom_dialer.hpp"
#include "net/name_servers.hpp"
#include "transport/deadline.hpp"
#include "transport/round_trip.hpp"
#include "transport/transport_access.hpp"

#include <stdexcept>
#include <utility>

namespace onehop {
namespace {

// Rejects a limit of 0, a mistake that would fail every request.
void check_max_connections(Limit<std::size_t> max) {
  if (max == 0) {
    throw std::invalid_argument("max_connections: 0 allows no connection; use onehop::no_limit");
  }
}

Transport::Options checked(Transport::Options options) {
  check_max_connections(options.max_connections);
  if (options.max_connection_requests == 0) {
    throw std::invalid_argument(
        "max_connection_requests: 0 allows no request; use onehop::no_limit");
  }
  static_cast<void>(net::list_of_name_servers(options.dns_servers));
  return options;
}

}  // namespace

using transport::ConnectionPool;

struct Transport::State final : transport::Pools {
  explicit State(Options options)
      : shared(std::make_shared<transport::SharedPools>(checked(std::move(options)))) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { shared->retire(); }

  ConnectionPool& pool(io::Reactor& reactor) const override {
    return reactor.local<ConnectionPool>(shared.get(), [&] { return make_pool(reactor); });
  }
  std::unique_ptr<ConnectionPool> make_pool(io::Reactor& reactor) const {
    const Options& options = shared->options;
    std::unique_ptr<net::Dialer> dialer;
    if (options.dialer) {
      dialer = std::make_unique<net::CustomDialer>(options.dialer, options.connect_timeout);
    } else {
      net::DialOptions dial;
      dial.attempt_timeout = options.connect_attempt_timeout;
      dial.total_timeout = options.connect_timeout;
      dial.name_servers = net::list_of_name_servers(options.dns_servers);
      dialer = std::make_unique<net::KernelDialer>(reactor, std::move(dial));
    }
    dialer = std::make_unique<net::TlsDialer>(reactor, std::move(dialer), shared->tls,
                                              options.connect_timeout);
    return std::make_unique<ConnectionPool>(reactor, shared, std::move(dialer));
  }

  std::shared_ptr<transport::SharedPools> shared;
};

Transport::Transport() : Transport(Options()) {}
Transport::Transport(Options options) : state_(std::make_shared<State>(std::move(options))) {}
Transport::~Transport() = default;

Result<void> Transport::prepare_tls() const {
  const auto context = state_->shared->tls->get(net::FileKinds::regular_or_pipe);
  if (!context) return failure(context.error());
  return {};
}

task<Result<Response>> Transport::round_trip(Request request) const {
  if (request.deadline()) return transport::round_trip_until(*this, std::move(request));
  return transport::round_trip(*state_, std::move(request));
}

const transport::Pools& detail::TransportAccess::pools(const Transport& transport) noexcept {
  return *transport.state_;
}

std::shared_ptr<transport::SharedPools> detail::TransportAccess::shared(
    const Transport& transport) noexcept {
  return transport.state_->shared;
}

const Transport::Options& detail::TransportAccess::options(const Transport& transport) noexcept {
  return transport.state_->shared->options;
}

void Transport::set_limits(const Limits& limits) {
  check_max_connections(limits.max_connections);
  state_->shared->set_limits(limits.max_connections, limits.retry_budget);
}

Transport::Statistics Transport::statistics() const {
  return state_->shared->statistics();
}

}  // namespace onehop
