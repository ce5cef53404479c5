// SPDX-License-Identifier: Apache-2.0
#include "server/line_writer.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <pthread.h>

namespace onehop::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr LineWriter::Duration kStalled = std::chrono::seconds(2);
constexpr LineWriter::Duration kLongestEnd = std::chrono::seconds(5);
// How often a thread that waits for the reader looks whether it should give up.
constexpr int kLookEveryMilliseconds = 100;
// The maximum of one write at the end, so that progress is seen: what a pipe takes in one piece.
constexpr std::size_t kSmallPiece = 4096;

// Blocks SIGPIPE and SIGXFSZ, so that neither a reader that has gone nor a file that may not grow
// ends the process.
void block_signals_of_writes() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  sigaddset(&set, SIGXFSZ);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

std::uint64_t lines_in(std::string_view text) noexcept {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

}  // namespace

// Shared with the thread, which outlives the LineWriter if it is stuck.
struct LineWriter::State {
  State(std::unique_ptr<LineSink> s, Options o) noexcept
      : sink(std::move(s)), options(std::move(o)) {}

  void run();
  void write_batch(std::string_view text);
  std::string_view write_lines(std::string_view text);
  std::string_view write_until_error(std::string_view text);
  LineSink::Written write_some(std::string_view text) noexcept;
  void reopen_sink();
  void report_losses();
  void report(const LineReport& report);
  void call_report(const LineReport& report) noexcept;
  void give_up();
  void report_at_the_end();

  const std::unique_ptr<LineSink> sink;
  const Options options;
  std::atomic<std::uint64_t> written = 0;  // calls of write() that wrote something
  std::atomic<bool> ending = false;        // set under the mutex
  std::atomic<bool> gave_up = false;       // set under the mutex `reports`
  std::atomic<bool> wants_reopen = false;
  std::atomic<std::uint64_t> lost = 0;
  std::atomic<std::uint64_t> reported = 0;   // lost lines that were reported
  std::atomic<std::uint64_t> unwritten = 0;  // lines of the batch that is being written
  std::atomic<int> write_error = 0;
  std::atomic<int> loss_error = 0;  // errno of the losses that were not reported

  // Used only by the thread.
  bool is_within_line = false;  // a write failed within a line
  bool is_losing = false;       // `losing` was reported, but not `recovered` since
  std::optional<Clock::time_point> last_losing, last_recovered;

  std::mutex mutex;
  std::condition_variable_any changed;
  // Guarded by mutex.
  std::string pending;
  bool finished = false;
  std::thread thread;

  std::mutex reports;  // held during a report; none follows once gave_up is set
  std::mutex end;      // held during finish(), so that a second call waits for the first
};

void LineWriter::State::run() {
  block_signals_of_writes();
  std::string batch;
  Clock::time_point next = Clock::now();
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return !pending.empty() || ending || wants_reopen; });
    if (pending.empty() && !wants_reopen) break;
    changed.wait_until(
        lock, next, [this] { return pending.size() >= kWorthWriting || ending || wants_reopen; });
    batch.swap(pending);
    lock.unlock();
    if (!batch.empty()) {
      write_batch(batch);
      report_losses();
    }
    batch.clear();
    if (wants_reopen) reopen_sink();
    next = Clock::now() + options.pause;
    lock.lock();
  }
  finished = true;
  changed.notify_all();
}

// Writes a batch. Lines that cannot be written are lost, unless the sink is to be opened again.
void LineWriter::State::write_batch(std::string_view text) {
  unwritten = lines_in(text) + (is_within_line ? 1 : 0);
  std::string_view rest = write_lines(text);
  while (!rest.empty() && wants_reopen && !gave_up) {
    if (rest.size() != text.size() && text[text.size() - rest.size() - 1] != '\n') {
      rest.remove_prefix(rest.find('\n') + 1);  // the line began in the old place
      ++lost;
      --unwritten;
    }
    reopen_sink();
    if (!rest.empty()) rest = write_lines(rest);
  }
  if (gave_up) return;  // finish() has counted them
  if (!rest.empty()) loss_error = write_error.load();
  lost += lines_in(rest);
  unwritten = 0;
}

// Begins a new line if half a line was written before. Returns the rest of the text after an error.
std::string_view LineWriter::State::write_lines(std::string_view text) {
  if (is_within_line && write_until_error("\n").empty()) is_within_line = false;
  if (is_within_line) return text;
  const std::string_view rest = write_until_error(text);
  const std::size_t taken = text.size() - rest.size();
  if (!rest.empty() && taken > 0) is_within_line = text[taken - 1] != '\n';
  return rest;
}

std::string_view LineWriter::State::write_until_error(std::string_view text) {
  while (!text.empty() && !gave_up) {
    const LineSink::Written took = write_some(text);
    if (took.size > 0) {
      unwritten -= lines_in(text.substr(0, took.size));
      text.remove_prefix(took.size);
      write_error = 0;
      ++written;
    } else if (took.error == EAGAIN && !wants_reopen) {
      sink->wait_for_room(kLookEveryMilliseconds);
    } else if (took.error != EINTR && took.error != 0) {
      write_error = took.error;
      return text;
    }
  }
  return text;
}

LineSink::Written LineWriter::State::write_some(std::string_view text) noexcept {
  try {
    return sink->write(text, ending ? kSmallPiece : kWorthWriting);
  } catch (...) {  // no memory
    return {.size = 0, .error = ENOMEM};
  }
}

void LineWriter::State::reopen_sink() {
  wants_reopen = false;
  std::string problem;
  try {
    problem = sink->reopen();
  } catch (...) {
    problem = "out of memory";  // so short that it needs none
  }
  const bool is_new = problem.empty();
  if (is_new) is_within_line = false;
  report({.kind = is_new ? LineReport::Kind::reopened : LineReport::Kind::not_reopened,
          .problem = std::move(problem)});
}

// Called after a batch. Limits the reports, so that a place that fails and recovers in turns does
// not fill the log.
void LineWriter::State::report_losses() {
  const std::uint64_t lines = lost - reported;
  if (lines == 0) return;
  const Clock::time_point now = Clock::now();
  const auto is_due = [now](const std::optional<Clock::time_point>& last) {
    return !last || now - *last >= kBetweenReports;
  };
  if (const int error = write_error; error != 0) {
    if (is_losing || !is_due(last_losing)) return;
    is_losing = true;
    last_losing = now;
    report({.kind = LineReport::Kind::losing, .error = error});
  } else if (is_due(last_recovered)) {
    is_losing = false;
    last_recovered = now;
    reported = reported + lines;
    report({.kind = LineReport::Kind::recovered, .lines = lines, .error = loss_error});
    loss_error = 0;
  }
}

void LineWriter::State::report(const LineReport& report) {
  const std::scoped_lock lock(reports);
  if (!gave_up) call_report(report);
}

void LineWriter::State::call_report(const LineReport& report) noexcept {
  try {
    if (options.report) options.report(report);
  } catch (...) {  // no memory for the message
  }
}

void LineWriter::State::give_up() {
  const std::scoped_lock lock(reports);
  gave_up = true;
}

void LineWriter::State::report_at_the_end() {
  const std::uint64_t lines = lost - reported;
  if (lines == 0) return;
  reported = lost.load();
  call_report({.kind = LineReport::Kind::ended, .lines = lines, .error = loss_error});
}

LineWriter::LineWriter(int descriptor, Duration pause)
    : LineWriter(descriptor_sink(descriptor), {.pause = pause}) {}

LineWriter::LineWriter(std::unique_ptr<LineSink> sink, Options options)
    : state_(std::make_shared<State>(std::move(sink), std::move(options))) {}

LineWriter::~LineWriter() {
  finish();
}

void LineWriter::finish() noexcept {
  State& state = *state_;
  const std::scoped_lock only(state.end);
  std::unique_lock lock(state.mutex);
  if (!state.thread.joinable()) return;
  state.ending = true;
  state.changed.notify_all();
  const Clock::time_point last = Clock::now() + kLongestEnd;
  while (!state.finished && !state.gave_up) {
    const std::uint64_t before = state.written;
    const Clock::time_point look = std::min(Clock::now() + kStalled, last);
    state.changed.wait_until(lock, look, [&state] { return state.finished; });
    const bool is_stuck = state.written == before || Clock::now() >= last;
    if (is_stuck && !state.finished) state.give_up();
  }
  std::thread thread = std::move(state.thread);
  if (state.gave_up) state.lost += state.unwritten + lines_in(state.pending);
  lock.unlock();
  if (state.gave_up) {
    thread.detach();  // stuck in write(2); it keeps the state alive
  } else {
    thread.join();
  }
  state.report_at_the_end();
}

void LineWriter::reopen() noexcept {
  State& state = *state_;
  try {
    const std::scoped_lock lock(state.mutex);
    if (state.ending) return;
    state.wants_reopen = true;
    start_thread();
  } catch (...) {  // no thread; the first line starts one
  }
  state.changed.notify_one();
}

// Called with the mutex held.
void LineWriter::start_thread() {
  if (state_->thread.joinable()) return;
  state_->thread = std::thread([state = state_] { state->run(); });
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
    start_thread();
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
