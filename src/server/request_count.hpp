// SPDX-License-Identifier: Apache-2.0
//
// RequestCount counts the requests of a worker that are in progress, and lists them in the order in
// which they began. Only the worker's thread changes it, which makes that cheap; any thread may
// read the numbers.
// Thread: owner.
#pragma once

#include "base/check.hpp"
#include "base/counter.hpp"
#include "base/intrusive_list.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace onehop::server {

class RequestCount {
 public:
  // Counts as one request while it exists. Each is the base of a ServedExchange.
  class Counted : public ListNode {
   public:
    explicit Counted(RequestCount& count) noexcept : count_(count) {
      count_.add(1);
      count_.begun_.add(1);
      id_ = count_.before_first_id_ + count_.begun_.value();
      count_.all_.push_back(*this);
    }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    // Returns a number that no other request of the server has.
    std::uint64_t id() const noexcept { return id_; }

   protected:
    ~Counted() {
      ONEHOP_DCHECK(count_.now() > 0);
      count_.add(-std::size_t{1});
    }

   private:
    RequestCount& count_;
    std::uint64_t id_;
  };

  // `worker`: the worker's number, from 0 on.
  explicit RequestCount(std::uint64_t worker) noexcept
      : before_first_id_(worker << kBitsOfRequests) {}

  std::size_t now() const noexcept { return count_.load(std::memory_order_relaxed); }
  // Returns the number of requests that have begun.
  std::uint64_t begun() const noexcept { return begun_.value(); }
  // Returns the requests in progress, oldest first.
  const IntrusiveList<Counted>& all() const noexcept { return all_; }

 private:
  // Each worker numbers up to 2^50 requests. The other 14 bits are enough for Server::kMaxWorkers.
  static constexpr unsigned kBitsOfRequests = 50;

  void add(std::size_t change) noexcept {
    count_.store(count_.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
  }

  const std::uint64_t before_first_id_;
  std::atomic<std::size_t> count_ = 0;
  Counter begun_;
  IntrusiveList<Counted> all_;
};

}  // namespace onehop::server
