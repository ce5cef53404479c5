// SPDX-License-Identifier: Apache-2.0
#include "program/transport_ledger.hpp"

#include <utility>

namespace onehop::program {
struct TransportLedger::Counted {
  Counted(std::shared_ptr<TransportLedger> its, Transport::Options options)
      : ledger(std::move(its)), transport(std::move(options)) {
    ledger->add(transport);
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { ledger->remove(transport); }

  const std::shared_ptr<TransportLedger> ledger;
  Transport transport;
};

std::shared_ptr<Transport> TransportLedger::make(const std::shared_ptr<TransportLedger>& ledger,
                                                 Transport::Options options) {
  auto counted = std::make_shared<Counted>(ledger, std::move(options));
  Transport* const transport = &counted->transport;
  return {std::move(counted), transport};
}

void TransportLedger::add(const Transport& transport) {
  const std::lock_guard lock(mutex_);
  alive_.push_back(&transport);
}

// Its connections end with it.
void TransportLedger::remove(const Transport& transport) noexcept {
  const std::lock_guard lock(mutex_);
  Transport::Statistics last = transport.statistics();
  last.open = last.idle = last.http2.streams = 0;
  for (Transport::Statistics::Upstream& upstream : last.upstreams) {
    for (Transport::Statistics::Address& address : upstream.addresses)
      address.open = address.idle = address.requests = 0;
  }
  ended_ += last;
  std::erase(alive_, &transport);
}

Transport::Statistics TransportLedger::statistics() const {
  const std::lock_guard lock(mutex_);
  Transport::Statistics sum = ended_;
  for (const Transport* const transport : alive_)
    sum += transport->statistics();
  return sum;
}

}  // namespace onehop::program
