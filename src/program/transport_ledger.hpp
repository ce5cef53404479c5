// SPDX-License-Identifier: Apache-2.0
//
// TransportLedger: the statistics of all transports of a process: of those that are alive, and what
// the former ones had counted when they ended. So the sums of counters never fall.
// Thread: any.
#pragma once

#include <onehop/transport.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace onehop::program {

class TransportLedger {
 public:
  // Makes a transport whose statistics count. It keeps the ledger alive. Throws what the
  // constructor of Transport throws.
  static std::shared_ptr<Transport> make(const std::shared_ptr<TransportLedger>& ledger,
                                         Transport::Options options);
  // The sums; those of the DNS are of the process already.
  Transport::Statistics statistics() const;

 private:
  struct Counted;
  void add(const Transport& transport);
  void remove(const Transport& transport) noexcept;

  mutable std::mutex mutex_;
  // Guarded by mutex_. One that ends waits for it in remove().
  std::vector<const Transport*> alive_;
  Transport::Statistics ended_;
};

}  // namespace onehop::program
