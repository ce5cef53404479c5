// SPDX-License-Identifier: Apache-2.0
#include "transport/connection.hpp"

#include <utility>

namespace onehop::transport {

Connection::Connection(Owner& owner,
                       Slot slot,
                       std::unique_ptr<net::Stream> stream,
                       const std::string& address)
    : pool_(owner.pool()),
      counters_(owner.counters_for(address)),
      slot_(std::move(slot)),
      stream_(std::move(stream)),
      lifetime_(pool_.new_lifetime()),
      ref_(owner.use()) {
  pool_.counters().open.add(1);
  counters_->open.add(1);
}

Connection::~Connection() {
  pool_.counters().open.subtract(1);
  counters_->open.subtract(1);
}

}  // namespace onehop::transport
