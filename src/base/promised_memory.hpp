// SPDX-License-Identifier: Apache-2.0
//
// What peers have been promised of the heap and have not claimed yet: buffers that a request needs
// once its response comes, windows that a peer may fill. memory_is_short() counts it with what is
// held (base/held_memory), so that nothing is admitted which could not be kept. What is claimed
// without a promise asks memory_is_short() first.
// Each thread counts for itself and tells the others in steps, with room to spare, so that nothing
// shared is written while about the same number of requests is in progress.
#pragma once

#include <cstddef>
#include <utility>

namespace onehop {

void note_promised(std::size_t size) noexcept;
// Claimed, or not wanted any more.
void note_redeemed(std::size_t size) noexcept;
// Returns the sum over all threads. It may exceed what is promised by the slack of each thread.
std::size_t promised_memory() noexcept;
// Publishes the exact figure of this thread. Called when the thread ends or its ceiling is set.
void report_promised_memory() noexcept;

// A promise that lasts as long as its owner.
class MemoryPromise {
 public:
  MemoryPromise() noexcept = default;
  explicit MemoryPromise(std::size_t size) noexcept : size_(size) { note_promised(size); }
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
    if (size_ != 0) note_redeemed(std::exchange(size_, 0));
  }

 private:
  std::size_t size_ = 0;
};

}  // namespace onehop
