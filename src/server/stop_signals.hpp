// SPDX-License-Identifier: Apache-2.0
//
// StopSignals calls a function when SIGTERM or SIGINT arrives while the object exists. Several may
// exist at once. When the last one ends, the previous handlers are restored.
// Thread: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace onehop::server {

class StopSignals {
 public:
  enum class Which : std::uint8_t { first, second };

  // Calls `on_signal` on a thread of its own, for the first signal and for the second, and then
  // stops listening: a third signal has its previous effect. A signal that the process ignores
  // stays ignored. Throws std::runtime_error if more than 16 objects would exist, std::system_error
  // if the system refuses.
  explicit StopSignals(std::function<void(Which)> on_signal);
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();  // waits for a call in progress

  // Reports whether `thread` is the thread that calls `on_signal`.
  bool is_thread(std::thread::id thread) const noexcept { return thread_.get_id() == thread; }

 private:
  void run();
  void report(Which which) const noexcept;
  // Waits for the next signal. Returns false when this object is being destroyed.
  bool wait_for_signal() const;

  std::function<void(Which)> on_signal_;
  int slot_;
  std::atomic<bool> is_ending_ = false;
  std::thread thread_;
};

}  // namespace onehop::server
