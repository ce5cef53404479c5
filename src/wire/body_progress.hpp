// SPDX-License-Identifier: Apache-2.0
//
// BodyProgress: how much of a body has been passed on, and a copy of it for sending it again. It
// may be read while the body is being sent. Thread: owner.
#pragma once

#include <onehop/body.hpp>

#include "base/held_memory.hpp"
#include "io/timer_wheel.hpp"

#include <cstddef>
#include <cstdint>

namespace onehop::wire {

struct BodyProgress {
  std::uint64_t sent = 0;  // of content handed to the stream
  io::Time last{};         // when that grew last
  // While not null, content is appended here as it is sent, as long as all of it fits
  // and memory is not short.
  HeldString* copy = nullptr;
  std::size_t copy_limit = 0;
  bool copy_complete = true;  // false once some did not fit

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
