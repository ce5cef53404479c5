// SPDX-License-Identifier: Apache-2.0
//
// TunnelWatch: what a shard has to know of a tunnel, for as long as that lasts: a tunnel never ends
// by itself, so while the shard drains one that has been silent for a while is told to. One thread.
#pragma once

#include "base/intrusive_list.hpp"
#include "io/timer_wheel.hpp"

#include <utility>

namespace onehop::server {

class ShardServer;

class TunnelWatch : public ListNode {
 public:
  // `last_activity` is looked at as long as this lives. `on_silence` has to end the tunnel soon,
  // and not at once; it is called at most once.
  TunnelWatch(ShardServer& shard,
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

// Why such a tunnel has ended.
inline constexpr const char* kSilentTunnel = "a silent tunnel, closed when the server stopped";

}  // namespace onehop::server
