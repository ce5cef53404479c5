// SPDX-License-Identifier: Apache-2.0
#include "server/stop_signals.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace onehop::server {
namespace {

constexpr std::array kSignals = {SIGTERM, SIGINT};
constexpr std::size_t kMaxSlots = 16;

// Where the handler reports a signal. The descriptor is opened once and never closed, since a
// handler on another thread may be about to write to it.
struct Slot {
  std::atomic<int> eventfd = -1;
  std::atomic<bool> is_listening = false;
  bool is_taken = false;  // guarded by mutex
};
constinit std::mutex mutex;
constinit std::array<Slot, kMaxSlots> slots;
// Guarded by mutex.
std::size_t listening = 0;
std::array<struct sigaction, kSignals.size()> before{};

void wake(const Slot& slot) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(slot.eventfd.load(), &one, sizeof one);
}

extern "C" void onehop_on_stop_signal(int) {
  const int saved = errno;
  for (const Slot& slot : slots)
    if (slot.is_listening.load()) wake(slot);
  errno = saved;
}

void install_handlers() noexcept {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &before[i]);
    if (before[i].sa_handler == SIG_IGN) continue;
    struct sigaction action{};
    action.sa_handler = onehop_on_stop_signal;
    action.sa_flags = SA_RESTART;
    ::sigaction(kSignals[i], &action, nullptr);
  }
}

void restore_handlers() noexcept {
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    if (before[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &before[i], nullptr);
}

void drain(int eventfd) noexcept {
  std::uint64_t count = 0;
  while (::read(eventfd, &count, sizeof count) > 0) {
  }
}

int take_slot() {
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < kMaxSlots; ++i) {
    Slot& slot = slots[i];
    if (slot.is_taken) continue;
    if (slot.eventfd < 0) {
      const int made = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
      if (made < 0) throw std::system_error(errno, std::system_category(), "eventfd");
      slot.eventfd = made;
    }
    drain(slot.eventfd);
    slot.is_taken = true;
    slot.is_listening = true;
    if (listening++ == 0) install_handlers();
    return static_cast<int>(i);
  }
  throw std::runtime_error("stop_on_signals: too many servers of this process have it on");
}

Slot& slot_at(int index) noexcept {
  return slots[static_cast<std::size_t>(index)];
}

// Called with the mutex held.
void stop_listening(Slot& slot) noexcept {
  if (!slot.is_listening.exchange(false)) return;
  if (--listening == 0) restore_handlers();
}

void give_slot_back(int index) noexcept {
  const std::lock_guard lock(mutex);
  stop_listening(slot_at(index));
  slot_at(index).is_taken = false;
}

}  // namespace

StopSignals::StopSignals(std::function<void(Which)> on_signal)
    : on_signal_(std::move(on_signal)), slot_(take_slot()) {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    give_slot_back(slot_);
    throw;
  }
}

StopSignals::~StopSignals() {
  is_ending_ = true;
  wake(slot_at(slot_));
  thread_.join();
  give_slot_back(slot_);
}

// Calls `on_signal` until it returns without an exception, since memory may be short.
void StopSignals::report(Which which) const noexcept {
  static constexpr std::chrono::milliseconds kPause(10);
  while (!is_ending_) {
    try {
      return on_signal_(which);
    } catch (...) {
      std::this_thread::sleep_for(kPause);
    }
  }
}

void StopSignals::run() {
  if (!wait_for_signal()) return;
  report(Which::first);
  if (!wait_for_signal()) return;
  {
    const std::lock_guard lock(mutex);
    stop_listening(slot_at(slot_));
  }
  report(Which::second);
}

bool StopSignals::wait_for_signal() const {
  const int eventfd = slot_at(slot_).eventfd;
  for (;;) {
    pollfd readable = {.fd = eventfd, .events = POLLIN, .revents = 0};
    ::poll(&readable, 1, -1);
    if (is_ending_) return false;
    std::uint64_t count = 0;
    if (::read(eventfd, &count, sizeof count) > 0) return true;
  }
}

}  // namespace onehop::server
