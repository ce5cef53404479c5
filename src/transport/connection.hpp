// SPDX-License-Identifier: Apache-2.0
//
// Connection: the part that connections of both versions share. It holds a slot, counts as open,
// and keeps its origin. Thread: owner.
#pragma once

#include "base/held_memory.hpp"
#include "net/stream.hpp"
#include "transport/connection_lifetime.hpp"
#include "transport/origin_use.hpp"
#include "transport/pool_context.hpp"
#include "transport/slot.hpp"
#include "transport/upstream_counts.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace onehop::transport {

class Connection : public Lasting {
 public:
  // The origin that it belongs to.
  class Owner {
   public:
    virtual PoolContext& pool() const noexcept = 0;
    virtual OriginUse& use() noexcept = 0;
    // For the connections of this worker to `address`.
    virtual std::shared_ptr<AddressCounters> counters_for(const std::string& address) = 0;

   protected:
    ~Owner() = default;
  };

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  PoolContext& pool() const noexcept { return pool_; }
  const std::string& address() const noexcept { return counters_->address; }
  // The same, as long as the process; empty for some.
  std::string_view lasting_address() const noexcept { return counters_->lasting; }
  // How long it took to make it.
  net::Duration dial_time() const noexcept { return dial_time_; }
  void set_dial_time(net::Duration time) noexcept { dial_time_ = time; }

 protected:
  // `owner` outlives it.
  Connection(Owner& owner,
             Slot slot,
             std::unique_ptr<net::Stream> stream,
             const std::string& address);
  ~Connection();

  PoolContext& pool_;
  const std::shared_ptr<AddressCounters> counters_;
  Slot slot_;
  std::unique_ptr<net::Stream> stream_;
  ConnectionLifetime lifetime_;

 private:
  const OriginUse::Ref ref_;
  net::Duration dial_time_{};
};

}  // namespace onehop::transport
