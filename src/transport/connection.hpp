// SPDX-License-Identifier: Apache-2.0
//
// Connection is the common base of HTTP/1 and HTTP/2 connections. It holds a slot, is counted as
// open, and keeps its origin from being forgotten. Thread: owner.
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
  // The origin of the connection.
  class Owner {
   public:
    virtual PoolContext& pool() const noexcept = 0;
    virtual OriginUse& use() noexcept = 0;
    // Returns the counters of this worker's connections to `address`.
    virtual std::shared_ptr<AddressCounters> counters_for(const std::string& address) = 0;

   protected:
    ~Owner() = default;
  };

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  PoolContext& pool() const noexcept { return pool_; }
  const std::string& address() const noexcept { return counters_->address; }
  // Returns the address as a text that lasts as long as the process, or "" if there was no room for
  // it (see LastingTexts).
  std::string_view lasting_address() const noexcept { return counters_->lasting; }
  // Returns how long it took to make the connection.
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
