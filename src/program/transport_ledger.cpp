// SPDX-License-Identifier: Apache-2.0
#include "program/transport_ledger.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace onehop::program {
namespace {

constexpr std::string_view kOther = "other";

}  // namespace

struct TransportLedger::Counted {
  Counted(std::shared_ptr<TransportLedger> its, std::string label, Transport::Options options)
      : ledger(std::move(its)), upstream(std::move(label)), transport(std::move(options)) {
    ledger->add(*this);
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { ledger->remove(*this); }

  const std::shared_ptr<TransportLedger> ledger;
  const std::string upstream;
  Transport transport;
};

std::shared_ptr<Transport> TransportLedger::make(const std::shared_ptr<TransportLedger>& ledger,
                                                 std::string upstream,
                                                 Transport::Options options) {
  auto counted = std::make_shared<Counted>(ledger, std::move(upstream), std::move(options));
  Transport* const transport = &counted->transport;
  return {std::move(counted), transport};
}

void TransportLedger::add(const Counted& counted) {
  const std::lock_guard lock(mutex_);
  alive_.push_back(&counted);
  std::erase(former_, counted.upstream);
}

// The connections of a transport end with it, so they do not count as open or idle.
void TransportLedger::remove(const Counted& counted) noexcept {
  const std::lock_guard lock(mutex_);
  Transport::Statistics last = counted.transport.statistics();
  last.open = last.idle = last.http2.streams = 0;
  for (Transport::Statistics::Upstream& upstream : last.upstreams) {
    for (Transport::Statistics::Address& address : upstream.addresses)
      address.open = address.idle = address.requests = 0;
  }
  ended_[counted.upstream] += last;
  std::erase(alive_, &counted);
  if (std::ranges::none_of(alive_, [&counted](const Counted* const other) {
        return other->upstream == counted.upstream;
      })) {
    retire(counted.upstream);
  }
}

void TransportLedger::retire(const std::string& upstream) {
  if (upstream == kOther) return;
  former_.push_back(upstream);
  if (former_.size() <= kMaxFormer) return;
  const auto oldest = ended_.find(former_.front());
  oldest->second.upstreams.clear();  // its addresses and their health
  ended_[std::string(kOther)] += oldest->second;
  ended_.erase(former_.front());
  former_.pop_front();
}

observe::UpstreamStatistics TransportLedger::statistics() const {
  const std::lock_guard lock(mutex_);
  observe::UpstreamStatistics sums = ended_;
  for (const Counted* const one : alive_)
    sums[one->upstream] += one->transport.statistics();
  return sums;
}

}  // namespace onehop::program
