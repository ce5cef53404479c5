// SPDX-License-Identifier: Apache-2.0
#include "observe/reload_history.hpp"

#include <utility>

namespace onehop::observe {

ReloadHistory::ReloadHistory(std::string source)
    : state_{.source = std::move(source), .configured = std::chrono::system_clock::now()} {}

void ReloadHistory::succeeded(std::string source,
                              std::string message,
                              std::chrono::nanoseconds duration) {
  const std::lock_guard lock(mutex_);
  state_.source = std::move(source);
  state_.configured = std::chrono::system_clock::now();
  ++state_.succeeded;
  state_.last_failed = false;
  state_.last_message = std::move(message);
  state_.last_duration = duration;
}

void ReloadHistory::failed(std::string message, std::chrono::nanoseconds duration) {
  const std::lock_guard lock(mutex_);
  ++state_.failed;
  state_.last_failed = true;
  state_.last_message = std::move(message);
  state_.last_duration = duration;
}

ReloadHistory::State ReloadHistory::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace onehop::observe
