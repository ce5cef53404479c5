// SPDX-License-Identifier: Apache-2.0
#include "server/tunnel_watch.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <chrono>
#include <new>

namespace onehop::server {
namespace {

// While draining, a tunnel without a byte for this long is ended.
constexpr io::Duration kTunnelSilence = std::chrono::seconds(5);

}  // namespace

TunnelWatch::TunnelWatch(Tunnels& tunnels,
                         wire::RelayState& relay,
                         ExchangeRecord& record,
                         io::Callback on_silence)
    : counters_(tunnels.counters(ascii::equals_ignoring_case(record.upgrade, "websocket"))),
      relay_(relay),
      end_(on_silence) {
  counters_.opened.add(1);
  record.request_body = record.response_body = 0;
  relay.from_client.count_in(record.request_body, counters_.bytes_from_clients);
  relay.to_client.count_in(record.response_body, counters_.bytes_to_clients);
  tunnels.add(*this);
}

TunnelWatch::~TunnelWatch() {
  unlink();
  counters_.closed.add(1);
}

Tunnels::Tunnels(io::Reactor& reactor, const DrainState& drain)
    : reactor_(reactor), drain_(drain), timer_(io::call<&Tunnels::end_silent>(this)) {}

void Tunnels::add(TunnelWatch& tunnel) {
  all_.push_back(tunnel);
  if (drain_.is_on()) end_silent();
}

void Tunnels::end_silent() {
  const io::Time now = reactor_.now();
  io::Time next = io::kNever;
  IntrusiveList<TunnelWatch> all;
  all.splice_back(all_);
  while (TunnelWatch* tunnel = all.pop_front()) {
    all_.push_back(*tunnel);
    const io::Time due = tunnel->last_activity() + kTunnelSilence;
    if (due <= now) {
      try {
        tunnel->end();
      } catch (const std::bad_alloc&) {  // the deadline of the drain ends it
      }
    } else {
      next = std::min(next, due);
    }
  }
  if (next != io::kNever) reactor_.timers().arm(timer_, next);
}

}  // namespace onehop::server
