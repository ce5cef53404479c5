// SPDX-License-Identifier: Apache-2.0
//
// TransportLedger sums the statistics of all transports of a process by upstream: the current
// counts of live transports and the final counts of those that have ended, so that counters never
// fall. An upstream without a transport keeps its counts until kMaxFormer other upstreams have lost
// theirs; then its counts move to the upstream "other".
// Thread: any.
#pragma once

#include <onehop/transport.hpp>

#include "observe/upstream_statistics.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace onehop::program {

class TransportLedger {
 public:
  static constexpr std::size_t kMaxFormer = 64;

  // Returns a transport whose statistics count for `upstream`, a label of the metrics. The
  // transport keeps the ledger alive. Throws what the constructor of Transport throws.
  static std::shared_ptr<Transport> make(const std::shared_ptr<TransportLedger>& ledger,
                                         std::string upstream,
                                         Transport::Options options);
  // Returns the sums. DNS statistics are those of the whole process.
  observe::UpstreamStatistics statistics() const;

 private:
  struct Counted;
  void add(const Counted& counted);
  void remove(const Counted& counted) noexcept;
  // Moves an upstream that has no transport left to former_. The caller must hold the mutex.
  void retire(const std::string& upstream);

  mutable std::mutex mutex_;
  // Guarded by mutex_. A transport that ends waits for it in remove().
  std::vector<const Counted*> alive_;
  observe::UpstreamStatistics ended_;
  std::deque<std::string> former_;  // upstreams of ended_ without a live transport, latest last
};

}  // namespace onehop::program
