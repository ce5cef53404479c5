// SPDX-License-Identifier: Apache-2.0
//
// Slot is one of the connections that Transport::Options::max_connections allows an origin.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace onehop::transport {

// The state of one origin that all workers share. `open` and `waiting` change in a fixed order: a
// waiting request is counted before it looks for a slot, and a slot is counted as free before its
// owner looks for waiting requests, so at least one of the two sees the other.
// Thread: any.
struct OriginCounters {
  std::atomic<std::size_t> open = 0;         // connections, including those being made
  std::atomic<std::size_t> waiting = 0;      // requests without a slot
  std::atomic<std::uint32_t> abandoned = 0;  // how often it was abandoned: see NamedOrigins
};

// The destructor returns the slot and wakes requests that wait for one. A value, which moves
// between threads with its connection. Thread: owner.
class Slot {
 public:
  class Issuer {
   public:
    // Called when a slot of `origin` is free. Thread: any.
    virtual void on_free_slot(const OriginCounters& origin) noexcept = 0;

   protected:
    ~Issuer() = default;
  };

  // The caller has counted the slot in origin->open. `issuer` outlives the slot.
  Slot(Issuer& issuer, std::shared_ptr<OriginCounters> origin) noexcept
      : issuer_(issuer), origin_(std::move(origin)), abandoned_before_(origin_->abandoned) {}
  Slot(Slot&&) noexcept = default;
  Slot& operator=(Slot&&) = delete;
  ~Slot();

  // Reports whether the origin was abandoned after the slot was taken, so that the connection is
  // not worth keeping.
  bool is_abandoned() const noexcept {
    return origin_->abandoned.load(std::memory_order_relaxed) != abandoned_before_;
  }

 private:
  Issuer& issuer_;
  std::shared_ptr<OriginCounters> origin_;  // null after a move
  std::uint32_t abandoned_before_;
};

}  // namespace onehop::transport
