// SPDX-License-Identifier: Apache-2.0
//
// Tunnels counts and lists the tunnels of one worker. No timeout ends a tunnel, so while the worker
// drains, Tunnels ends each tunnel that has been silent for 5 s. A TunnelWatch stands for one
// tunnel, as long as the tunnel lasts.
// Thread: owner.
#pragma once

#include <onehop/exchange_record.hpp>

#include "base/counter.hpp"
#include "base/intrusive_list.hpp"
#include "io/reactor.hpp"
#include "server/linger.hpp"
#include "wire/tunnel_relay.hpp"

#include <utility>

namespace onehop::server {

class Tunnels;

// Any thread may read them.
struct TunnelCounters {
  Counter opened, closed, bytes_from_clients, bytes_to_clients;
};

class TunnelWatch : public ListNode {
 public:
  // `relay` must outlive this object; its bytes are counted in `record` as they pass. `on_silence`
  // must end the tunnel soon, but not at once. It is called at most once.
  TunnelWatch(Tunnels& tunnels,
              wire::RelayState& relay,
              ExchangeRecord& record,
              io::Callback on_silence);
  TunnelWatch(const TunnelWatch&) = delete;
  TunnelWatch& operator=(const TunnelWatch&) = delete;
  ~TunnelWatch();

  io::Time last_activity() const noexcept { return relay_.last_activity; }
  void end() {
    if (!std::exchange(told_, true)) end_();
  }

 private:
  TunnelCounters& counters_;
  const wire::RelayState& relay_;
  io::Callback end_;
  bool told_ = false;
};

class Tunnels {
 public:
  Tunnels(io::Reactor& reactor, const DrainState& drain);
  Tunnels(const Tunnels&) = delete;
  Tunnels& operator=(const Tunnels&) = delete;

  // Returns the counters for tunnels of one protocol.
  TunnelCounters& counters(bool is_websocket) noexcept {
    return is_websocket ? websockets_ : others_;
  }
  const TunnelCounters& websockets() const noexcept { return websockets_; }
  const TunnelCounters& others() const noexcept { return others_; }
  std::size_t open() const noexcept {
    return static_cast<std::size_t>(websockets_.opened.value() - websockets_.closed.value() +
                                    others_.opened.value() - others_.closed.value());
  }

  void add(TunnelWatch& tunnel);
  // Ends the silent tunnels, and looks again when others may be silent. Called when a drain begins.
  void end_silent();

 private:
  io::Reactor& reactor_;
  const DrainState& drain_;
  TunnelCounters websockets_, others_;
  IntrusiveList<TunnelWatch> all_;
  io::Timer timer_;  // runs only while draining
};

// Why a silent tunnel has ended.
inline constexpr const char* kSilentTunnel = "a silent tunnel, closed when the server stopped";

}  // namespace onehop::server
