// SPDX-License-Identifier: Apache-2.0
//
// RecentFailures keeps the last failed exchanges of one worker, for people. Each worker has its
// own, so it contends for the lock only with a reader. Texts are cut to a maximum size, so that
// peers cannot make it use more memory.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include "observe/overview.hpp"

#include <cstddef>
#include <mutex>
#include <string_view>
#include <vector>

namespace onehop::observe {

class RecentFailures {
 public:
  static constexpr std::size_t kMax = Overview::kMaxFailures;
  // The maximum size of each text, in bytes.
  static constexpr std::size_t kMaxText = 256;

  // Adds an entry; replaces the oldest one if there are kMax. `upstream` is the name of the
  // upstream, or "" if the request was not sent on.
  void add(const ExchangeRecord& exchange, std::string_view upstream);
  // Appends all entries to `all`, the oldest first.
  void append_to(std::vector<Overview::Failure>& all) const;

 private:
  mutable std::mutex mutex_;
  std::vector<Overview::Failure> entries_;
  std::size_t next_ = 0;
};

}  // namespace onehop::observe
