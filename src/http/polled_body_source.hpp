// SPDX-License-Identifier: Apache-2.0
//
// PolledBodySource: what a body that comes from a connection offers besides read(): pieces without
// a coroutine frame, and the plain stream behind it for splice(2). Used by whoever pumps bodies.
#pragma once

#include <onehop/body.hpp>

#include <cstdint>
#include <optional>

namespace onehop {

namespace net {
class Stream;  // opaque on this floor
}

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
  // When the next `left` octets of the body are the next octets of a plain TCP stream, that stream.
  // The caller may take octets from it itself and says how many with consumed().
  virtual net::Stream* plain_stream(std::uint64_t& left) noexcept {
    left = 0;
    return nullptr;
  }
  virtual void consumed(std::uint64_t octets) noexcept { (void)octets; }

  PolledBodySource* polled() noexcept final { return this; }
};

}  // namespace onehop
