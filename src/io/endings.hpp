// SPDX-License-Identifier: Apache-2.0
//
// Endings: notifies those that may not outlive something with a number, such as a client's
// connection, when it ends. Each Reactor has one.
// Thread: owner.
#pragma once

#include "base/intrusive_list.hpp"
#include "io/wakeup.hpp"

#include <cstdint>
#include <unordered_map>

namespace onehop::io {

class Endings {
 public:
  using Number = std::uint64_t;

  // Never 0, and never the same twice in a process.
  // Thread: any.
  static Number new_number() noexcept;

  Endings() = default;
  Endings(const Endings&) = delete;
  Endings& operator=(const Endings&) = delete;

  // Hears of the end of `number`: `callback` is called once, from the reactor's list. Watching a
  // number that has already ended does nothing.
  class Watch : public ListNode {
   public:
    Watch(Endings& endings, Number number, Callback callback);
    ~Watch();
    bool has_ended() const noexcept { return ended_; }

   private:
    friend class Endings;
    Endings& endings_;
    Number number_;
    Wakeup wakeup_;
    bool ended_ = false;
  };

  // For Reactor::notify_end(): `schedule` is called with the wakeup of each Watch of `number`.
  template <class Schedule>
  void notify_end(Number number, Schedule schedule) noexcept {
    if (watched_.empty()) return;
    const auto found = watched_.find(number);
    if (found == watched_.end()) return;
    while (Watch* watch = found->second.pop_front()) {
      watch->ended_ = true;
      schedule(watch->wakeup_);
    }
    watched_.erase(found);
  }

 private:
  void forget(Number number) noexcept;

  std::unordered_map<Number, IntrusiveList<Watch>> watched_;
};

}  // namespace onehop::io
