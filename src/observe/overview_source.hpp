// SPDX-License-Identifier: Apache-2.0
//
// OverviewSource makes an Overview of the Observed program, for the dashboard, its events and
// /status.
// Thread: any.
#pragma once

#include "observe/observed_numbers.hpp"
#include "observe/overview.hpp"
#include "observe/recent_window.hpp"
#include "observe/server_overview.hpp"

#include <memory>
#include <mutex>
#include <utility>

namespace onehop::observe {

class OverviewSource {
 public:
  explicit OverviewSource(std::shared_ptr<const Observed> observed)
      : observed_(std::move(observed)) {}

  // Returns an Overview of this moment. May block for ServerOverview::kPatience. Must not be called
  // on a worker of the observed server.
  Overview make();

 private:
  void add_state(Overview& overview) const;
  void add_requests(Overview& overview, const RequestTotals& totals) const;
  void add_upstreams(Overview& overview, const ObservedNumbers& numbers);
  static void add_process(Overview& overview);
  void add_certificates(Overview& overview) const;
  void add_server(Overview& overview, const ObservedNumbers& numbers);

  std::shared_ptr<const Observed> observed_;
  std::mutex mutex_;
  RecentWindow window_;    // guarded by mutex_
  ServerOverview server_;  // guarded by mutex_
};

}  // namespace onehop::observe
