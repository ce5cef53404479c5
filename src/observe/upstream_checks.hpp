// SPDX-License-Identifier: Apache-2.0
//
// UpstreamChecks counts the attempts of --ready-needs-upstream to connect to upstreams, by the
// label of the upstream. No request needs these connections.
// Thread: any.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace onehop::observe {

class UpstreamChecks {
 public:
  struct Counts {
    std::uint64_t succeeded = 0, failed = 0;
  };
  using All = std::map<std::string, Counts>;

  void add(const std::string& upstream, bool has_succeeded) {
    const std::lock_guard lock(mutex_);
    Counts& counts = counts_[upstream];
    ++(has_succeeded ? counts.succeeded : counts.failed);
  }
  // Removes the upstreams for which `is_needed` returns false.
  template <class IsNeeded>
  void keep(IsNeeded is_needed) {
    const std::lock_guard lock(mutex_);
    std::erase_if(counts_, [&](const auto& each) { return !is_needed(each.first); });
  }
  All all() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  All counts_;  // guarded by mutex_
};

}  // namespace onehop::observe
