// SPDX-License-Identifier: Apache-2.0
//
// Endings notifies objects that must not outlive a numbered object, such as a client's connection,
// when that object ends. Each Reactor has one Endings.
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

  // Returns a number that is not 0, and is unique in the process.
  // Thread: any.
  static Number new_number() noexcept;

  Endings() = default;
  Endings(const Endings&) = delete;
  Endings& operator=(const Endings&) = delete;

  // Watch calls `callback` once, from the reactor's list, when `number` ends. Watching a number
  // that has already ended does nothing.
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

  // Calls `schedule` with the wakeup of each Watch of `number`. For Reactor::notify_end().
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
