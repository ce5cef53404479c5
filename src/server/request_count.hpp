// SPDX-License-Identifier: Apache-2.0
//
// RequestCount: how many requests of a worker are in progress. Changed by its thread alone, which
// makes that cheap; read by any.
#pragma once

#include "base/check.hpp"

#include <atomic>
#include <cstddef>

namespace onehop::server {

class RequestCount {
 public:
  // One request, for as long as it lives.
  class Counted {
   public:
    explicit Counted(RequestCount& count) noexcept : count_(count) { count_.add(1); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() {
      ONEHOP_DCHECK(count_.now() > 0);
      count_.add(-std::size_t{1});
    }

   private:
    RequestCount& count_;
  };

  std::size_t now() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  void add(std::size_t change) noexcept {
    count_.store(count_.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
  }

  std::atomic<std::size_t> count_ = 0;
};

}  // namespace onehop::server
