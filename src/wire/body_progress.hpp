// SPDX-License-Identifier: Apache-2.0
//
// BodyProgress counts the bytes of a body that have been passed on, and may keep a copy of them so
// that the body can be sent again. It may be read while the body is being sent. Thread: owner.
#pragma once

#include <onehop/body.hpp>

#include "base/held_memory.hpp"
#include "io/timer_wheel.hpp"

#include <cstddef>
#include <cstdint>

namespace onehop::wire {

struct BodyProgress {
  std::uint64_t sent = 0;  // content passed to the stream, in bytes
  io::Time last{};         // when `sent` last grew, or the last of it left
  // Unless null, content is appended here as it is sent, as long as all of it fits and memory is
  // not short.
  HeldString* copy = nullptr;
  std::size_t copy_limit = 0;
  bool copy_complete = true;  // false once the copy was given up
  // A read() of the source has begun. If the sender is destroyed before it ends, its piece is lost.
  bool is_reading = false;

  void record(bytes piece, io::Time now) {
    sent += piece.size();
    last = now;
    if (!copy || !copy_complete) return;
    if (copy->size() + piece.size() > copy_limit || memory_is_short()) {
      copy_complete = false;
      HeldString().swap(*copy);
    } else {
      copy->append(piece);
    }
  }
};

}  // namespace onehop::wire
