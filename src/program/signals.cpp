// SPDX-License-Identifier: Apache-2.0
#include "program/signals.hpp"

#include "program/opened.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <system_error>
#include <thread>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace onehop::program {
namespace {

constexpr std::array kEnding = {SIGTERM, SIGINT, SIGQUIT};
constexpr std::array kOthers = {SIGHUP, SIGUSR1, SIGUSR2};

sigset_t set_of(std::initializer_list<std::span<const int>> lists) {
  sigset_t set;
  sigemptyset(&set);
  for (const auto list : lists) {
    for (const int number : list)
      sigaddset(&set, number);
  }
  return set;
}

}  // namespace

void hold_other_signals() {
  const sigset_t set = set_of({kOthers});
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void release_other_signals() {
  constexpr std::array kOfCommands = {SIGHUP, SIGUSR2};
  const sigset_t set = set_of({kOfCommands});
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Signals::Signals() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  const sigset_t set = set_of({kEnding, kOthers});
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  arrivals_ = opened(::signalfd(-1, &set, SFD_CLOEXEC), "signalfd");
}

Signals::~Signals() {
  if (worker_.joinable()) work_.set_value({});
}

void Signals::prepare() {
  if (worker_.joinable()) return;
  done_ = opened(::eventfd(0, EFD_CLOEXEC), "eventfd");
  work_ = {};
  worker_ = std::jthread([this, comes = work_.get_future()]() mutable {
    if (const auto work = comes.get()) work();
    ::eventfd_write(done_.get(), 1);
  });
}

void Signals::wait_for(const std::function<void()>& work, const std::function<void()>& hurry) {
  prepare();
  const std::jthread worker = std::move(worker_);
  work_.set_value([&work] { work(); });
  while (wait_or_readable(done_.get()))
    hurry();
}

void Signals::release() {
  const sigset_t set = set_of({kEnding});
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

bool Signals::wait_or_readable(int other) {
  std::array<pollfd, 2> waits = {{{.fd = arrivals_.get(), .events = POLLIN, .revents = 0},
                                  {.fd = other, .events = POLLIN, .revents = 0}}};
  for (;;) {
    ::poll(waits.data(), waits.size(), -1);
    if (waits[1].revents != 0) return false;
    signalfd_siginfo arrived{};
    if (waits[0].revents == 0 || ::read(arrivals_.get(), &arrived, sizeof arrived) <= 0) continue;
    const int number = static_cast<int>(arrived.ssi_signo);
    if (std::ranges::find(kEnding, number) != kEnding.end()) return true;
    if (other_) other_(number);
  }
}

}  // namespace onehop::program
