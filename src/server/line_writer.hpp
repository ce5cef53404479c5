// SPDX-License-Identifier: Apache-2.0
//
// LineWriter: writes lines to a descriptor, or another LineSink, from a thread of its own, so that
// no other thread waits for the reader: what finds no room or cannot be written is lost and
// counted, and the end takes a few seconds at most, though the thread may be stuck in write(2) for
// ever. The thread starts with the first line. Thread: any.
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
    losing,        // a write has failed: lines are being lost
    recovered,     // lines are written again; `lines` were lost meanwhile
    ended,         // finish(): `lines` were lost that no report has counted
    reopened,      // after reopen()
    not_reopened,  // `problem` says why
  };
  Kind kind;
  std::uint64_t lines = 0;
  int error = 0;  // why lines were lost, as errno has it; 0: they found no room
  std::string problem = {};
};

class LineWriter {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // The maximum that may wait to be written, in bytes.
  static constexpr std::size_t kRoom = 4UL * 1024 * 1024;
  // So many bytes are written before `pause` is over.
  static constexpr std::size_t kWorthWriting = 64UL * 1024;
  // Between two reports of one kind about lost lines there is at least this.
  static constexpr Duration kBetweenReports = std::chrono::seconds(10);

  struct Options {
    // Between two writes there is at least `pause`, or kWorthWriting bytes.
    Duration pause = Duration::zero();
    // Called on the writer's thread and, for `ended`, by finish(). It must not call the writer.
    std::function<void(const LineReport&)> report = {};
  };

  // `descriptor` is not closed.
  explicit LineWriter(int descriptor, Duration pause = Duration::zero());
  LineWriter(std::unique_ptr<LineSink> sink, Options options);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter();  // finish()

  // With their line breaks; all of them or, if there is no room, none.
  void add(std::string_view lines) noexcept;
  // Opens the sink again, on the writer's thread, when the lines added so far are written.
  void reopen() noexcept;
  // Returns when everything is written, when the reader has taken nothing for 2 s, or after 5 s;
  // in the last two cases the rest is lost, and so is what is added later.
  void finish() noexcept;
  // How many lines were lost.
  std::uint64_t lost() const noexcept;
  // Why the last write failed, as errno has it; 0 if it did not.
  int write_error() const noexcept;

 private:
  struct State;
  void start_thread();

  std::shared_ptr<State> state_;
};

}  // namespace onehop::server
