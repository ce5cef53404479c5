// SPDX-License-Identifier: Apache-2.0
//
// LineWriter: writes lines to a descriptor from a thread of its own, so that no other thread waits
// for the reader: what finds no room or cannot be written is lost and counted, and the end takes a
// few seconds at most, though the thread may be stuck in write(2) for ever. The thread starts with
// the first line. Thread: any.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace onehop::server {

class LineWriter {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // The maximum that may wait to be written, in bytes.
  static constexpr std::size_t kRoom = 4UL * 1024 * 1024;
  // So many bytes are written before `pause` is over.
  static constexpr std::size_t kWorthWriting = 64UL * 1024;

  // `descriptor` is not closed. Between two writes there is at least `pause`, or kWorthWriting
  // bytes.
  explicit LineWriter(int descriptor, Duration pause = Duration::zero());
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter();  // finish()

  // With their line breaks; all of them or, if there is no room, none.
  void add(std::string_view lines) noexcept;
  // Returns when everything is written, when the reader has taken nothing for 2 s, or after 5 s;
  // in the last two cases the rest is lost, and so is what is added later.
  void finish() noexcept;
  // How many lines were lost.
  std::uint64_t lost() const noexcept;
  // Why the last write failed, as errno has it; 0 if none did.
  int write_error() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace onehop::server
