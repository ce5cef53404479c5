// SPDX-License-Identifier: Apache-2.0
//
// EndpointUse counts one request as in progress at an endpoint of an Upstream while it exists.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace onehop::transport {

// The counts over all workers. Every request writes them, so they have a cache line of their own.
// Thread: any.
struct alignas(64) EndpointLoad {
  std::atomic<std::uint32_t> requests = 0;  // in progress
  std::atomic<std::uint64_t> total = 0;     // since the start
};

// Move-only. Thread: owner.
class EndpointUse {
 public:
  EndpointUse() noexcept = default;  // counts nothing
  explicit EndpointUse(std::shared_ptr<EndpointLoad> load) noexcept : load_(std::move(load)) {
    load_->requests.fetch_add(1, std::memory_order_relaxed);
    load_->total.fetch_add(1, std::memory_order_relaxed);
  }
  EndpointUse(EndpointUse&&) noexcept = default;
  EndpointUse& operator=(EndpointUse other) noexcept {
    load_.swap(other.load_);
    return *this;
  }
  ~EndpointUse() {
    if (load_) load_->requests.fetch_sub(1, std::memory_order_relaxed);
  }

  explicit operator bool() const noexcept { return load_ != nullptr; }

 private:
  std::shared_ptr<EndpointLoad> load_;  // null: counts nothing
};

}  // namespace onehop::transport
