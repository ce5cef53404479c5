// SPDX-License-Identifier: Apache-2.0
//
// ReloadHistory records which configuration is in use, and the results of attempts to replace it.
// Thread: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace onehop::observe {

class ReloadHistory {
 public:
  using WallTime = std::chrono::system_clock::time_point;

  struct State {
    std::string source;   // "/etc/onehop.toml", or "command line"
    WallTime configured;  // when the configuration in use was put into effect
    std::uint64_t succeeded = 0, failed = 0;
    bool last_failed = false;
    std::string last_message = {};  // of the last attempt: one line; "" before the first
    std::chrono::nanoseconds last_duration{};
  };

  explicit ReloadHistory(std::string source);

  // Records that a new configuration is in use.
  void succeeded(std::string source, std::string message, std::chrono::nanoseconds duration);
  // Records that a reload has failed, so the configuration in use stays.
  void failed(std::string message, std::chrono::nanoseconds duration);
  State state() const;

 private:
  mutable std::mutex mutex_;
  State state_;
};

}  // namespace onehop::observe
