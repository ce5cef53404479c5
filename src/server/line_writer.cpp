// SPDX-License-Identifier: Apache-2.0
#include "server/line_writer.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string>
#include <thread>

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

namespace onehop::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr LineWriter::Duration kStalled = std::chrono::seconds(2);
constexpr LineWriter::Duration kLongestEnd = std::chrono::seconds(5);
// How often a thread that waits for a reader looks whether it should give up.
constexpr int kLookEveryMilliseconds = 100;
// At the end progress is seen in steps of this: what a pipe takes in one piece.
constexpr std::size_t kSmallPiece = 4096;

// A reader that has gone must not end the process.
void block_broken_pipe_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

std::uint64_t lines_in(std::string_view text) noexcept {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

}  // namespace

// Shared with the thread, which outlives the LineWriter when it is stuck.
struct LineWriter::State {
  State(int d, Duration p) noexcept : descriptor(d), pause(p) {}

  void run();
  void write_batch(std::string_view text);
  std::string_view write_until_error(std::string_view text);

  const int descriptor;
  const Duration pause;
  std::atomic<std::uint64_t> written = 0;  // calls of write(2) that took something
  std::atomic<bool> ending = false;        // set under the mutex
  std::atomic<bool> gave_up = false;
  std::atomic<std::uint64_t> lost = 0;
  std::atomic<std::uint64_t> unwritten = 0;  // lines of the batch that is being written
  std::atomic<int> write_error = 0;
  bool is_within_line = false;  // a write failed there; only the thread looks

  std::mutex mutex;
  std::condition_variable_any changed;
  // Guarded by mutex.
  std::string pending;
  bool finished = false;
  std::thread thread;
};

void LineWriter::State::run() {
  block_broken_pipe_signal();
  std::string batch;
  Clock::time_point next = Clock::now();
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return !pending.empty() || ending; });
    if (pending.empty()) break;
    changed.wait_until(lock, next, [this] { return pending.size() >= kWorthWriting || ending; });
    batch.swap(pending);
    lock.unlock();
    write_batch(batch);
    batch.clear();
    next = Clock::now() + pause;
    lock.lock();
  }
  finished = true;
  changed.notify_all();
}

// The lines that cannot be written are lost. What comes after half a line begins on a new one.
void LineWriter::State::write_batch(std::string_view text) {
  unwritten = lines_in(text) + (is_within_line ? 1 : 0);
  if (is_within_line && write_until_error("\n").empty()) is_within_line = false;
  const std::string_view rest = is_within_line ? text : write_until_error(text);
  if (gave_up) return;  // finish() has counted them
  lost += lines_in(rest);
  unwritten = 0;
  const std::size_t taken = text.size() - rest.size();
  if (!rest.empty() && taken > 0) is_within_line = text[taken - 1] != '\n';
}

// Returns what is left of the text at an error.
std::string_view LineWriter::State::write_until_error(std::string_view text) {
  while (!text.empty() && !gave_up) {
    const std::size_t piece = std::min(text.size(), ending ? kSmallPiece : kWorthWriting);
    const ssize_t took = ::write(descriptor, text.data(), piece);
    if (took >= 0) {
      if (took > 0) unwritten -= lines_in(text.substr(0, static_cast<std::size_t>(took)));
      text.remove_prefix(static_cast<std::size_t>(took));
      ++written;
    } else if (errno == EAGAIN) {
      pollfd writable{.fd = descriptor, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, kLookEveryMilliseconds);
    } else if (errno != EINTR) {
      write_error = errno;
      return text;
    }
  }
  return text;
}

LineWriter::LineWriter(int descriptor, Duration pause)
    : state_(std::make_shared<State>(descriptor, pause)) {}

LineWriter::~LineWriter() {
  finish();
}

void LineWriter::finish() noexcept {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  if (!state.thread.joinable()) return;
  state.ending = true;
  state.changed.notify_all();
  const Clock::time_point last = Clock::now() + kLongestEnd;
  while (!state.finished && !state.gave_up) {
    const std::uint64_t before = state.written;
    const Clock::time_point look = std::min(Clock::now() + kStalled, last);
    state.changed.wait_until(lock, look, [&state] { return state.finished; });
    if (state.written == before || Clock::now() >= last) state.gave_up = !state.finished;
  }
  std::thread thread = std::move(state.thread);
  if (state.gave_up) state.lost += state.unwritten + lines_in(state.pending);
  lock.unlock();
  if (state.gave_up) {
    thread.detach();  // stuck in write(2); it keeps what it uses
  } else {
    thread.join();
  }
}

void LineWriter::add(std::string_view lines) noexcept {
  State& state = *state_;
  bool wake = false;
  try {
    const std::scoped_lock lock(state.mutex);
    if (state.ending || state.pending.size() + lines.size() > kRoom) {
      state.lost += lines_in(lines);
      return;
    }
    if (!state.thread.joinable()) {
      state.thread = std::thread([state = state_] { state->run(); });
    }
    const std::size_t before = state.pending.size();
    state.pending += lines;
    wake = before == 0 || (before < kWorthWriting && state.pending.size() >= kWorthWriting);
  } catch (...) {  // no memory, or no thread
    state.lost += lines_in(lines);
    return;
  }
  if (wake) state.changed.notify_one();
}

std::uint64_t LineWriter::lost() const noexcept {
  return state_->lost;
}

int LineWriter::write_error() const noexcept {
  return state_->write_error;
}

}  // namespace onehop::server
