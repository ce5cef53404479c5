// SPDX-License-Identifier: Apache-2.0
//
// LineSink is where a LineWriter writes its lines, such as a file or a socket. Only the writer's
// thread calls it.
// Thread: owner.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace onehop::server {

class LineSink {
 public:
  struct Written {
    std::size_t size = 0;  // bytes written, including line breaks
    int error = 0;         // errno if no byte was written; EAGAIN: there was no room
  };

  LineSink() = default;
  LineSink(const LineSink&) = delete;
  LineSink& operator=(const LineSink&) = delete;
  virtual ~LineSink() = default;

  // Writes the beginning of `text`: at most `at_most` bytes, or one line if the sink writes whole
  // lines. `text` is not empty, ends with a line break, and begins where the last write ended.
  virtual Written write(std::string_view text, std::size_t at_most) = 0;
  // Waits until there is room, for at most `milliseconds`.
  virtual void wait_for_room(int milliseconds) = 0;
  // Opens the place again, such as a file that was renamed. Returns "" if it was opened, or if a
  // sink of this kind cannot be opened again. Otherwise returns the problem, and the old place
  // stays in use.
  virtual std::string reopen() = 0;
};

// Returns the part of `text` for one write(2) to `descriptor`: whole lines of at most `at_most`
// bytes together and, for a pipe, at most what it takes in one piece, so that the lines of several
// processes do not mix. If the first line is longer, returns its beginning.
std::string_view whole_lines(int descriptor, std::string_view text, std::size_t at_most) noexcept;

// Returns a sink that writes to `descriptor`, does not close it, and cannot open it again.
std::unique_ptr<LineSink> descriptor_sink(int descriptor);

}  // namespace onehop::server
