// SPDX-License-Identifier: Apache-2.0
#include "program/access_log.hpp"

#include "program/exchange_text.hpp"

#include <cerrno>
#include <string_view>

#include <poll.h>
#include <unistd.h>

namespace onehop::program {
namespace {

constexpr std::size_t kWorthWriting = 64UL * 1024;
constexpr std::size_t kRoom = 4UL * 1024 * 1024;

// Gives up at an error: there is nowhere to tell it.
void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd writable{.fd = descriptor, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace

AccessLog::AccessLog(AccessLogFormat format, int descriptor, Duration pause)
    : format_(format), descriptor_(descriptor), pause_(pause) {
  if (format_ == AccessLogFormat::off) return;
  pending_.reserve(kWorthWriting);
  writer_ = std::jthread([this](const std::stop_token& stop) { write_until_stopped(stop); });
}

AccessLog::~AccessLog() = default;

void AccessLog::record(const Exchange& exchange) {
  if (format_ == AccessLogFormat::off) return;
  thread_local std::string line;
  line.clear();
  const auto now = std::chrono::system_clock::now();
  if (format_ == AccessLogFormat::json) {
    append_json_line(line, exchange, now);
  } else {
    append_text_line(line, exchange, now);
  }
  add(line);
}

void AccessLog::add(const std::string& line) {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    if (pending_.size() + line.size() > kRoom) {
      ++lost_;
      return;
    }
    const std::size_t before = pending_.size();
    pending_ += line;
    wake = before == 0 || (before < kWorthWriting && pending_.size() >= kWorthWriting);
  }
  if (wake) changed_.notify_one();
}

std::uint64_t AccessLog::lost() const {
  const std::scoped_lock lock(mutex_);
  return lost_;
}

void AccessLog::write_until_stopped(const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  std::string batch;
  Clock::time_point next = Clock::now();
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() || !pending_.empty()) {
    changed_.wait(lock, stop, [this] { return !pending_.empty(); });
    changed_.wait_until(lock, stop, next, [this] { return pending_.size() >= kWorthWriting; });
    batch.swap(pending_);
    lock.unlock();
    write_all(descriptor_, batch);
    batch.clear();
    next = Clock::now() + pause_;
    lock.lock();
  }
}

}  // namespace onehop::program
