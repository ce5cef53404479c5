// SPDX-License-Identifier: Apache-2.0
//
// AddressIndex holds the counters of one upstream by address. Each worker has its own counters, but
// the index decides for all workers which addresses are counted by name: the first kMax. A new
// address may replace one that no request has used for ten minutes; otherwise it counts as "other".
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include "base/counter.hpp"
#include "observe/failure_reason.hpp"
#include "observe/histogram.hpp"
#include "observe/published.hpp"
#include "observe/request_labels.hpp"
#include "observe/request_totals.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace onehop::observe {

// Indexed by failure_reason().
using FailureCounters = std::array<Counter, kFailureReasons>;

// Returns the time that is stored as ticks.
inline Time time_of(const std::atomic<Time::rep>& ticks) noexcept {
  return Time(Time::duration(ticks.load(std::memory_order_relaxed)));
}

// The counters of one address on one worker. The address "" is for requests that got no connection.
struct AddressShard {
  explicit AddressShard(std::string text) : address(std::move(text)) {}

  const std::string address;
  std::array<Counter, kCodeClasses> requests;
  HistogramCounters connect, wait;
  Published<FailureCounters> failures;
  std::atomic<Time::rep> last = 0;  // when a request last had a connection to it, in ticks of Time
  std::atomic<bool> is_forgotten = false;

  // Sets `last` to `at` if that is later.
  void used(Time at) noexcept {
    const Time::rep ticks = at.time_since_epoch().count();
    if (ticks > last.load(std::memory_order_relaxed)) last.store(ticks, std::memory_order_relaxed);
  }
};

class AddressIndex {
 public:
  static constexpr std::size_t kMax = 256;
  static constexpr std::chrono::minutes kUnused{10};
  // How long a worker waits before it asks again about an address that had no room.
  static constexpr std::chrono::seconds kAskAgain{10};

  // The counters of one worker. `index` must outlive it. Thread: owner.
  class Worker {
   public:
    explicit Worker(AddressIndex& index);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker();

    AddressShard& of(std::string_view address, Time now) {
      const Recent& recent = recent_[slot_of(address)];
      if (address.data() == recent.text &&
          !recent.shard->is_forgotten.load(std::memory_order_relaxed)) [[likely]] {
        return *recent.shard;
      }
      return find_or_make(address, now);
    }

   private:
    friend AddressIndex;
    AddressShard& find_or_make(std::string_view address, Time now);
    AddressShard& make(std::string_view address);
    // Caches the shard, since the next requests are probably for the same address.
    AddressShard& remember(AddressShard& shard, std::string_view address) noexcept;

    // A cached address. Its text stays at the same place, so the pointer is compared.
    struct Recent {
      const char* text = &kNone;
      AddressShard* shard = nullptr;
    };
    static constexpr char kNone = 0;
    static constexpr std::size_t kRecent = 32;
    static constexpr std::size_t kMaxRefused = 1024;

    static std::size_t slot_of(std::string_view address) noexcept {
      constexpr unsigned kApart = 4;  // bits: an address has about 16 bytes
      return (reinterpret_cast<std::uintptr_t>(address.data()) >> kApart) % kRecent;
    }

    AddressIndex& index_;
    std::array<Recent, kRecent> recent_{};
    std::unordered_map<std::string_view, AddressShard*> by_name_;
    std::set<std::string, std::less<>> refused_;  // count as "other" until refused_until_
    Time refused_until_{};
    std::vector<std::unique_ptr<AddressShard>> all_;  // guarded by the index's mutex
  };

  // `upstream` is the name of the upstream.
  explicit AddressIndex(std::string upstream = {}) : upstream_(std::move(upstream)) {}
  AddressIndex(const AddressIndex&) = delete;
  AddressIndex& operator=(const AddressIndex&) = delete;

  const std::string& upstream() const noexcept { return upstream_; }
  // Returns the totals by address.
  std::vector<RequestTotals::Address> totals() const;
  // Return the sums over all addresses, including forgotten ones, so that no sum ever falls.
  HistogramTotals connect_times() const { return sum_of(&AddressShard::connect, former_connect_); }
  HistogramTotals wait_times() const { return sum_of(&AddressShard::wait, former_wait_); }
  // Removes the address and its counts from totals().
  void forget(std::string_view address);

 private:
  // The caller holds the mutex.
  bool admit(std::string_view address, Time now);
  void forget_one(const std::string& address);
  bool make_room(Time now);
  void keep_times(const AddressShard& forgotten) noexcept;

  HistogramTotals sum_of(HistogramCounters AddressShard::* phase,
                         const HistogramTotals& former) const;

  const std::string upstream_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::set<std::string, std::less<>> known_;
  std::vector<Worker*> workers_;
  HistogramTotals former_connect_, former_wait_;  // of deleted shards
};

}  // namespace onehop::observe
