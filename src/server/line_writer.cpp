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

}  // namespace

// Shared with the thread, which outlives the LineWriter when it is stuck.
struct LineWriter::State {
  State(int d, Duration p) noexcept : descriptor(d), pause(p) {}

  void run();
  void write_all(std::string_view text);

  const int descriptor;
  const Duration pause;
  std::atomic<std::uint64_t> written = 0;  // calls of write(2) that took something
  std::atomic<bool> ending = false;        // set under the mutex
  std::atomic<bool> gave_up = false;
  std::atomic<std::uint64_t> lost = 0;

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
    write_all(batch);
    batch.clear();
    next = Clock::now() + pause;
    lock.lock();
  }
  finished = true;
  changed.notify_all();
}

// Gives up at an error: there is nowhere to tell it.
void LineWriter::State::write_all(std::string_view text) {
  while (!text.empty() && !gave_up) {
    const std::size_t piece = std::min(text.size(), ending ? kSmallPiece : kWorthWriting);
    const ssize_t took = ::write(descriptor, text.data(), piece);
    if (took >= 0) {
      text.remove_prefix(static_cast<std::size_t>(took));
      ++written;
    } else if (errno == EAGAIN) {
      pollfd writable{.fd = descriptor, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, kLookEveryMilliseconds);
    } else if (errno != EINTR) {
      return;
    }
  }
}

LineWriter::LineWriter(int descriptor, Duration pause)
    : state_(std::make_shared<State>(descriptor, pause)) {}

LineWriter::~LineWriter() {
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
    if (state.pending.size() + lines.size() > kRoom) {
      ++state.lost;
      return;
    }
    if (!state.thread.joinable()) {
      state.thread = std::thread([state = state_] { state->run(); });
    }
    const std::size_t before = state.pending.size();
    state.pending += lines;
    wake = before == 0 || (before < kWorthWriting && state.pending.size() >= kWorthWriting);
  } catch (...) {  // no memory, or no thread
    ++state.lost;
    return;
  }
  if (wake) state.changed.notify_one();
}

std::uint64_t LineWriter::lost() const noexcept {
  return state_->lost;
}

}  // namespace onehop::server
