// SPDX-License-Identifier: Apache-2.0
//
// TransportLedger: the statistics of all transports of a process, by upstream: of those that are
// alive, and what the former ones had counted when they ended. So counters never fall. An upstream
// without a transport keeps what it has counted, unless kMaxFormer others have lost theirs since:
// then it is counted as the upstream "other".
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

  // Makes a transport whose statistics count for `upstream`, a label of the metrics. It keeps the
  // ledger alive. Throws what the constructor of Transport throws.
  static std::shared_ptr<Transport> make(const std::shared_ptr<TransportLedger>& ledger,
                                         std::string upstream,
                                         Transport::Options options);
  // The sums; those of the DNS are of the process already.
  observe::UpstreamStatistics statistics() const;

 private:
  struct Counted;
  void add(const Counted& counted);
  void remove(const Counted& counted) noexcept;
  // The upstream has no transport any more. The caller holds the mutex.
  void retire(const std::string& upstream);

  mutable std::mutex mutex_;
  // Guarded by mutex_. One that ends waits for it in remove().
  std::vector<const Counted*> alive_;
  observe::UpstreamStatistics ended_;
  std::deque<std::string> former_;  // upstreams of ended_ that have none alive, the latest last
};

}  // namespace onehop::program
