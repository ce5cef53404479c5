// SPDX-License-Identifier: Apache-2.0
#include "observe/address_index.hpp"

#include "base/lasting_texts.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace onehop::observe {
namespace {

constexpr std::string_view kOtherAddress = "other";

RequestTotals::Address values_of(const AddressShard& shard) {
  RequestTotals::Address values{.address = shard.address};
  for (std::size_t i = 0; i < kCodeClasses; ++i)
    values.requests[i] = shard.requests[i].value();
  values.connect.add(shard.connect);
  values.wait.add(shard.wait);
  const auto* const reasons = shard.failures.get();
  for (std::size_t i = 0; reasons != nullptr && i < reasons->size(); ++i) {
    const std::uint64_t count = (*reasons)[i].value();
    if (count > 0) values.failures.push_back({.reason = name_of_failure_reason(i), .count = count});
  }
  values.last = time_of(shard.last);
  return values;
}

bool is_forgotten(const AddressShard& shard) {
  return shard.is_forgotten.load(std::memory_order_relaxed);
}

}  // namespace

AddressIndex::Worker::Worker(AddressIndex& index) : index_(index) {
  const std::lock_guard lock(index.mutex_);
  index.workers_.push_back(this);
}

AddressIndex::Worker::~Worker() {
  const std::lock_guard lock(index_.mutex_);
  std::erase(index_.workers_, this);
}

AddressShard& AddressIndex::Worker::find_or_make(std::string_view address, Time now) {
  const auto known = by_name_.find(address);
  if (known != by_name_.end() && !is_forgotten(*known->second))
    return remember(*known->second, address);
  if (now >= refused_until_ || refused_.size() >= kMaxRefused) refused_.clear();
  if (!refused_.contains(address)) {
    const std::lock_guard lock(index_.mutex_);
    // Only this thread uses the forgotten shards, so they can be deleted here.
    std::erase_if(by_name_, [](const auto& each) { return is_forgotten(*each.second); });
    recent_ = {};
    std::erase_if(all_, [this](const auto& each) {
      if (!is_forgotten(*each)) return false;
      index_.keep_times(*each);
      return true;
    });
    if (index_.admit(address, now)) return remember(make(address), address);
    if (refused_.empty()) refused_until_ = now + kAskAgain;
    refused_.emplace(address);
  }
  const auto other = by_name_.find(kOtherAddress);
  if (other != by_name_.end()) return *other->second;
  const std::lock_guard lock(index_.mutex_);
  return make(kOtherAddress);
}

AddressShard& AddressIndex::Worker::remember(AddressShard& shard,
                                             std::string_view address) noexcept {
  if (lasting_addresses.has(address)) {
    recent_[slot_of(address)] = {.text = address.data(), .shard = &shard};
  }
  return shard;
}

AddressShard& AddressIndex::Worker::make(std::string_view address) {
  AddressShard& made = *all_.emplace_back(std::make_unique<AddressShard>(std::string(address)));
  by_name_.emplace(made.address, &made);
  return made;
}

// The address "", for requests without a connection, is always admitted.
bool AddressIndex::admit(std::string_view address, Time now) {
  if (address.empty() || known_.contains(address)) return true;
  if (known_.size() >= kMax && !make_room(now)) return false;
  known_.emplace(address);
  return true;
}

bool AddressIndex::make_room(Time now) {
  std::map<std::string_view, Time> uses;
  for (const Worker* const worker : workers_) {
    for (const auto& shard : worker->all_) {
      if (!known_.contains(shard->address)) continue;
      Time& last = uses[shard->address];
      last = std::max(last, time_of(shard->last));
    }
  }
  const auto oldest =
      std::ranges::min_element(uses, {}, [](const auto& each) { return each.second; });
  if (oldest == uses.end() || now - oldest->second < kUnused) return false;
  forget_one(std::string(oldest->first));
  return true;
}

void AddressIndex::forget(std::string_view address) {
  const std::lock_guard lock(mutex_);
  forget_one(std::string(address));
}

void AddressIndex::forget_one(const std::string& address) {
  for (Worker* const worker : workers_) {
    for (const auto& shard : worker->all_) {
      if (shard->address == address) shard->is_forgotten.store(true, std::memory_order_relaxed);
    }
  }
  known_.erase(address);
}

void AddressIndex::keep_times(const AddressShard& forgotten) noexcept {
  former_connect_.add(forgotten.connect);
  former_wait_.add(forgotten.wait);
}

HistogramTotals AddressIndex::sum_of(HistogramCounters AddressShard::* phase,
                                     const HistogramTotals& former) const {
  const std::lock_guard lock(mutex_);
  HistogramTotals sum = former;
  for (const Worker* const worker : workers_) {
    for (const auto& shard : worker->all_)
      sum.add((*shard).*phase);
  }
  return sum;
}

std::vector<RequestTotals::Address> AddressIndex::totals() const {
  std::map<std::string_view, RequestTotals::Address> all;
  const std::lock_guard lock(mutex_);
  for (const Worker* const worker : workers_) {
    for (const auto& shard : worker->all_) {
      if (is_forgotten(*shard)) continue;
      RequestTotals::Address& sum = all[shard->address];
      sum.address = shard->address;
      sum.add(values_of(*shard));
    }
  }
  std::vector<RequestTotals::Address> addresses;
  for (auto& [address, sum] : all)
    addresses.push_back(std::move(sum));
  return addresses;
}

}  // namespace onehop::observe
