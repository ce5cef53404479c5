// SPDX-License-Identifier: Apache-2.0
//
// PolledBodySource: what a body that comes from a connection offers besides read(): pieces without
// a coroutine frame. Used by whoever pumps bodies.
#pragma once

#include <onehop/body.hpp>

#include <cstddef>
#include <optional>

namespace onehop {

class PolledBodySource : public BodySource {
 public:
  // The next piece if it is here now; empty at the end; nothing when one has to wait(). The piece
  // may lie in the scratch memory of the thread: it is valid only until the caller suspends or
  // calls anything of this source again. `most` bounds a piece that would be read into scratch
  // memory.
  virtual std::optional<Result<bytes>> try_read(std::size_t most) = 0;
  // Returns when try_read may have an answer.
  virtual task<void> wait() = 0;
  // True when the end is known to be reached: try_read would return it.
  virtual bool at_end() const noexcept = 0;
  PolledBodySource* polled() noexcept final { return this; }
};

}  // namespace onehop
