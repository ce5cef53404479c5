// SPDX-License-Identifier: Apache-2.0
//
// PolledBodySource is a body source that can return pieces without a coroutine frame, such as the
// content received on a connection. Body pumps use it.
// Thread: owner.
#pragma once

#include <onehop/body.hpp>

#include "base/poll.hpp"

#include <cstddef>

namespace onehop {

class detail::PolledBodySource : public BodySource {
 public:
  // Returns the next piece if it is available, an empty piece at the end, or std::nullopt if the
  // caller must wait(). The piece may lie in the thread's scratch memory: it is valid only until
  // the caller suspends or calls this source again. `max` bounds a piece that is read into scratch
  // memory.
  virtual Poll<bytes> try_read(std::size_t max) = 0;
  // Completes when try_read() may return a result.
  virtual task<void> wait() = 0;
  // Reports whether try_read() would return the end.
  virtual bool at_end() const noexcept = 0;

 private:
  PolledBodySource* polled() noexcept final { return this; }
};

using detail::PolledBodySource;

}  // namespace onehop
