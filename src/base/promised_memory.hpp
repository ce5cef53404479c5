// SPDX-License-Identifier: Apache-2.0
//
// Counts heap memory promised to peers but not yet allocated: buffers that a request needs once its
// response arrives, windows that a peer may fill. memory_is_short() adds it to the memory held
// (base/held_memory), so that no work is admitted that could not be kept. Memory allocated without
// a promise requires a check of memory_is_short() first.
//
// Each thread counts locally and publishes in steps, with slack, so that a steady number of
// requests writes no shared memory.
// Thread: any.
#pragma once

#include <cstddef>
#include <utility>

namespace onehop {

void count_promised(std::size_t size) noexcept;
// Reports that the memory was allocated, or is not needed any more.
void count_redeemed(std::size_t size) noexcept;
// Returns the sum over all threads. It may exceed what is promised by the slack of each thread.
std::size_t promised_memory() noexcept;
// Publishes the exact figure of this thread. Called when the thread ends or its ceiling is set.
void report_promised_memory() noexcept;

// MemoryPromise is a promise that lasts as long as this object.
class MemoryPromise {
 public:
  MemoryPromise() noexcept = default;
  explicit MemoryPromise(std::size_t size) noexcept : size_(size) { count_promised(size); }
  MemoryPromise(MemoryPromise&& other) noexcept : size_(std::exchange(other.size_, 0)) {}
  MemoryPromise& operator=(MemoryPromise&& other) noexcept {
    if (this != &other) {
      redeem();
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  ~MemoryPromise() { redeem(); }

  bool is_made() const noexcept { return size_ != 0; }
  void redeem() noexcept {
    if (size_ != 0) count_redeemed(std::exchange(size_, 0));
  }

 private:
  std::size_t size_ = 0;
};

}  // namespace onehop
