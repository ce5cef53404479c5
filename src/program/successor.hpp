// SPDX-License-Identifier: Apache-2.0
//
// Successor is the process that has replaced this one, with the threads that carry out its orders.
// The threads are started while the upgrade can still fail, because the system may refuse threads.
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
  // Both are called on threads of the Successor.
  struct Duties {
    std::function<void()> close_admin;
    // Returns the report if the order asks for one.
    std::function<std::optional<Progress>(Order order)> obey;
  };

  // Throws std::system_error if the system refuses a thread.
  explicit Successor(Duties duties);
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;
  // Returns when no duty is running. No duty is called afterwards.
  ~Successor();

  // Begins to carry out the orders of the successor, which serves by then. Must be called at most
  // once.
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
