// SPDX-License-Identifier: Apache-2.0
//
// Successor: the process that has replaced this one, and the threads that carry out its orders.
// They are made while the upgrade can still fail, since a system may refuse threads.
// Thread: owner.
#pragma once

#include "program/handover.hpp"
#include "program/process_channel.hpp"

#include <functional>
#include <future>
#include <optional>
#include <thread>

namespace onehop::program {

class Successor {
 public:
  // Each is called on a thread of the successor.
  struct Duties {
    std::function<void()> close_admin;
    // Returns its report, if the order is to report.
    std::function<std::optional<Progress>(Order order)> obey;
  };

  // Throws std::system_error if the system refuses a thread.
  explicit Successor(Duties duties);
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;
  // Returns when no duty is running; none is called afterwards.
  ~Successor();

  // The successor serves from now on. Called once.
  void begin(ProcessChannel channel);

 private:
  void follow_orders(const ProcessChannel& channel, const std::stop_token& stop) const;

  const Duties duties_;
  std::promise<ProcessChannel> channel_;
  std::promise<bool> has_begun_;
  std::jthread closing_;
  std::jthread orders_;
  bool is_settled_ = false;
};

}  // namespace onehop::program
