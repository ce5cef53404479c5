// SPDX-License-Identifier: Apache-2.0
//
// StopSignals calls a function when TERM or INT arrives, for as long as it lives. Several may live
// at once. The handlers that were there before are restored with the last one. Thread: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

namespace onehop::server {

class StopSignals {
 public:
  enum class Which : std::uint8_t { first, second };

  // Calls `on_signal` on a thread of its own, for the first signal and for the second. After the
  // second it is done: a third one does what it did before. A signal that the process ignores stays
  // ignored. Throws std::runtime_error if too many live, std::system_error if the system refuses.
  explicit StopSignals(std::function<void(Which)> on_signal);
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();  // waits for a call in progress

  // True of the thread that calls `on_signal`.
  bool is_thread(std::thread::id thread) const noexcept { return thread_.get_id() == thread; }

 private:
  void run();
  void report(Which which) const noexcept;
  // Waits for the next signal. Returns false at the end.
  bool wait_for_signal() const;

  std::function<void(Which)> on_signal_;
  int slot_;
  std::atomic<bool> is_ending_ = false;
  std::thread thread_;
};

}  // namespace onehop::server
