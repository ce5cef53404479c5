// SPDX-License-Identifier: Apache-2.0
//
// LineWriter writes lines to a descriptor, or to another LineSink, on a thread of its own, so that
// no other thread waits for the reader. Lines that find no room or cannot be written are lost and
// counted. finish() takes at most 5 s, even if the thread is stuck in write(2). The thread starts
// with the first line.
// Thread: any.
#pragma once

#include "server/line_sink.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace onehop::server {

// An event that the owner of a LineWriter may want to log.
struct LineReport {
  enum class Kind : std::uint8_t {
    losing,        // a write has failed, and lines are being lost
    recovered,     // lines are written again; `lines` were lost meanwhile
    ended,         // finish() was called; `lines` lost lines were in no report before
    reopened,      // after reopen()
    not_reopened,  // `problem` says why
  };
  Kind kind;
  std::uint64_t lines = 0;
  int error = 0;  // errno of the write; 0 if the lines found no room
  std::string problem = {};
};

class LineWriter {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // The maximum number of bytes that wait to be written.
  static constexpr std::size_t kRoom = 4UL * 1024 * 1024;
  // When this many bytes wait, they are written before `pause` is over.
  static constexpr std::size_t kWorthWriting = 64UL * 1024;
  // The minimum time between two reports of one kind about lost lines.
  static constexpr Duration kBetweenReports = std::chrono::seconds(10);

  struct Options {
    // The minimum time between two writes, unless kWorthWriting bytes wait.
    Duration pause = Duration::zero();
    // Called on the writer's thread and, for `ended`, by finish(). It must not call the writer.
    std::function<void(const LineReport&)> report = {};
  };

  // Does not close `descriptor`.
  explicit LineWriter(int descriptor, Duration pause = Duration::zero());
  LineWriter(std::unique_ptr<LineSink> sink, Options options);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter();  // finish()

  // Adds lines, including their line breaks. If there is no room for all of them, adds none.
  void add(std::string_view lines) noexcept;
  // Opens the sink again, on the writer's thread, after the lines added so far are written.
  void reopen() noexcept;
  // Returns when everything is written, when the reader has taken nothing for 2 s, or after 5 s. In
  // the last two cases the remaining lines are lost, and so are lines added later. A call during
  // another one returns when that one does.
  void finish() noexcept;
  // Returns the number of lines lost.
  std::uint64_t lost() const noexcept;
  // Returns the errno of the last write, or 0 if it succeeded.
  int write_error() const noexcept;

 private:
  struct State;
  void start_thread();

  std::shared_ptr<State> state_;
};

}  // namespace onehop::server
