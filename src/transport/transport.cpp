// SPDX-License-Identifier: Apache-2.0
#include <onehop/transport.hpp>

#include "net/test_network.hpp"
#include "transport/round_trip.hpp"

#include <utility>

namespace onehop {

using transport::ConnectionPool;

struct Transport::State final : transport::Pools {
  explicit State(Options options)
      : shared(std::make_shared<transport::SharedPools>(std::move(options))) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { shared->retire(); }

  ConnectionPool& pool(io::Reactor& reactor) const override {
    return reactor.local<ConnectionPool>(shared.get(), [&] { return make_pool(reactor); });
  }
  std::unique_ptr<ConnectionPool> make_pool(io::Reactor& reactor) const {
    const Options& options = shared->options;
    std::unique_ptr<net::Dialer> dialer;
    if (options.network) {
      dialer = net::dialer_of(*options.network, reactor);
    } else {
      net::DialOptions dial;
      dial.attempt_timeout = options.connect_attempt_timeout;
      dial.total_timeout = options.connect_timeout;
      dialer = std::make_unique<net::KernelDialer>(reactor, dial);
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
  return transport::round_trip(*state_, std::move(request));
}

Transport::Statistics Transport::statistics() const {
  return state_->shared->statistics();
}

}  // namespace onehop
