// SPDX-License-Identifier: Apache-2.0
#include "server/tunnel_watch.hpp"

#include <algorithm>
#include <chrono>
#include <new>

namespace onehop::server {
namespace {

// While draining, a tunnel without a byte for this long is ended.
constexpr io::Duration kTunnelSilence = std::chrono::seconds(5);

}  // namespace

TunnelWatch::TunnelWatch(Tunnels& tunnels,
                         const io::Time& last_activity,
                         void (*on_silence)(void* owner),
                         void* owner)
    : last_activity_(last_activity), end_(on_silence), owner_(owner) {
  tunnels.add(*this);
}

Tunnels::Tunnels(io::Reactor& reactor, const DrainState& drain)
    : reactor_(reactor), drain_(drain), timer_(&Tunnels::on_timer, this) {}

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

void Tunnels::on_timer(void* self) {
  static_cast<Tunnels*>(self)->end_silent();
}

}  // namespace onehop::server
