// SPDX-License-Identifier: Apache-2.0
//
// Tunnels: those of one worker. No timeout ends a tunnel, so while the worker drains, one that has
// been silent for five seconds is ended. TunnelWatch is one of them, for as long as it lasts.
// Thread: owner.
#pragma once

#include "base/intrusive_list.hpp"
#include "io/reactor.hpp"
#include "server/linger.hpp"

#include <utility>

namespace onehop::server {

class Tunnels;

class TunnelWatch : public ListNode {
 public:
  // `last_activity` is looked at as long as this lives. `on_silence` has to end the tunnel soon,
  // and not at once; it is called at most once.
  TunnelWatch(Tunnels& tunnels,
              const io::Time& last_activity,
              void (*on_silence)(void* owner),
              void* owner);
  TunnelWatch(const TunnelWatch&) = delete;
  TunnelWatch& operator=(const TunnelWatch&) = delete;
  ~TunnelWatch() { unlink(); }

  io::Time last_activity() const noexcept { return last_activity_; }
  void end() {
    if (!std::exchange(told_, true)) end_(owner_);
  }

 private:
  const io::Time& last_activity_;
  void (*end_)(void* owner);
  void* owner_;
  bool told_ = false;
};

class Tunnels {
 public:
  Tunnels(io::Reactor& reactor, const DrainState& drain);
  Tunnels(const Tunnels&) = delete;
  Tunnels& operator=(const Tunnels&) = delete;

  void add(TunnelWatch& tunnel);
  // Ends the silent ones, and looks again as others become silent. For a drain that begins.
  void end_silent();

 private:
  static void on_timer(void* self);

  io::Reactor& reactor_;
  const DrainState& drain_;
  IntrusiveList<TunnelWatch> all_;
  io::Timer timer_;  // runs only while draining
};

// Why such a tunnel has ended.
inline constexpr const char* kSilentTunnel = "a silent tunnel, closed when the server stopped";

}  // namespace onehop::server
