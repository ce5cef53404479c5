// SPDX-License-Identifier: Apache-2.0
//
// LineSink: the place that the lines of a LineWriter go to, such as a file or a socket. Only the
// writer's thread calls it. Thread: owner.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace onehop::server {

class LineSink {
 public:
  struct Written {
    std::size_t size = 0;  // bytes taken, with the line breaks
    int error = 0;         // if none were: why, as errno has it; EAGAIN: there was no room
  };

  LineSink() = default;
  LineSink(const LineSink&) = delete;
  LineSink& operator=(const LineSink&) = delete;
  virtual ~LineSink() = default;

  // Writes the beginning of `text`, which is not empty, ends with a line break and begins where the
  // last write ended: `at_most` bytes, or one line if lines go out whole.
  virtual Written write(std::string_view text, std::size_t at_most) = 0;
  // Waits until there is room, for at most so long.
  virtual void wait_for_room(int milliseconds) = 0;
  // Opens the place again, such as a file that was renamed. Returns why it could not be opened;
  // then the old one stays in use. "" if it was, or if it is not of a kind that can be opened
  // again.
  virtual std::string reopen() = 0;
};

// The part of `text` for one write(2) to `descriptor`: whole lines, of at most `at_most` bytes and
// of no more than a pipe takes in one piece, so that the lines of several processes are not mixed.
// Of a line that is longer, its beginning.
std::string_view whole_lines(int descriptor, std::string_view text, std::size_t at_most) noexcept;

// A descriptor, which is not closed and cannot be opened again.
std::unique_ptr<LineSink> descriptor_sink(int descriptor);

}  // namespace onehop::server
