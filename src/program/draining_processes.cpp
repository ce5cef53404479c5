// SPDX-License-Identifier: Apache-2.0
#include "program/draining_processes.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fcntl.h>

namespace onehop::program {
namespace {

// A draining process responds immediately.
constexpr std::chrono::milliseconds kReportPatience(250);
// For the first report, without which counters would go back. The process may not have begun to
// drain yet.
constexpr std::chrono::milliseconds kFirstPatience(1000);
// In addition to the time that the process reported.
constexpr std::chrono::seconds kGrace(1);
constexpr std::chrono::milliseconds kPause(100);

}  // namespace

void DrainingProcesses::add(ProcessChannel channel) {
  const std::lock_guard lock(mutex_);
  drainers_.push_back({.channel = std::move(channel)});
}

void DrainingProcesses::Drainer::follow(const Progress& progress) {
  if (auto said = observe::MetricCounts::parse(progress.counts)) counts.follow(*said);
  last = progress;
}

// A process that does not read or respond is slow, and may be stopped later. A process that has
// ended has sent a last report.
std::vector<Progress> DrainingProcesses::ask() {
  const std::lock_guard lock(mutex_);
  std::vector<Progress> all;
  if (are_handed_over_) {
    for (const Drainer& drainer : drainers_)
      if (drainer.last) all.push_back(*drainer.last);
    return all;
  }
  std::erase_if(drainers_, [this, &all](Drainer& drainer) {
    const auto sent = send(drainer.channel, Order::report);
    const bool is_gone = !sent && sent.error().is(Errc::closed);
    if (!sent && !is_gone) return false;
    const auto progress =
        receive_progress(drainer.channel, drainer.last ? kReportPatience : kFirstPatience);
    if (progress) drainer.follow(*progress);
    if (progress && !is_gone) all.push_back(*progress);
    const bool has_ended = is_gone || (!progress && progress.error().is(Errc::closed));
    if (has_ended) ended_.add(drainer.counts);
    return has_ended;
  });
  return all;
}

observe::MetricCounts DrainingProcesses::counts() const {
  const std::lock_guard lock(mutex_);
  observe::MetricCounts sum = ended_;
  for (const Drainer& drainer : drainers_)
    sum.add(drainer.counts);
  return sum;
}

void DrainingProcesses::add_counts(const observe::MetricCounts& counts) {
  const std::lock_guard lock(mutex_);
  ended_.add(counts);
}

void DrainingProcesses::reopen_logs() {
  const std::lock_guard lock(mutex_);
  for (const Drainer& drainer : drainers_)
    (void)send(drainer.channel, Order::reopen);
}

void DrainingProcesses::stop() {
  const std::lock_guard lock(mutex_);
  for (const Drainer& drainer : drainers_)
    (void)send(drainer.channel, Order::stop);
}

void DrainingProcesses::wait_for_end() {
  using Clock = std::chrono::steady_clock;
  auto until = Clock::now() + kGrace;
  for (bool is_over = false; !is_over;) {
    for (const Progress& one : ask()) {
      // A process whose time is over gets no additional time.
      if (one.left > one.left.zero()) until = std::max(until, Clock::now() + one.left + kGrace);
    }
    {
      const std::lock_guard lock(mutex_);
      is_over = drainers_.empty() || Clock::now() >= until;
    }
    if (!is_over) std::this_thread::sleep_for(kPause);
  }
}

DrainingProcesses::HandedOver DrainingProcesses::hand_over() {
  (void)ask();  // forgets processes that have ended
  const std::lock_guard lock(mutex_);
  are_handed_over_ = true;
  HandedOver handed{.channels = {}, .counts = ended_};
  std::size_t older = drainers_.size() - std::min(drainers_.size(), kMax - 1);
  for (Drainer& drainer : drainers_) {
    drainer.is_handed_over = older == 0;
    if (older > 0) {
      --older;
      handed.counts.add(drainer.counts);
    } else {
      handed.channels.emplace_back(
          io::FileDescriptor(::fcntl(drainer.channel.descriptor(), F_DUPFD_CLOEXEC, 0)));
    }
  }
  return handed;
}

void DrainingProcesses::leave() {
  const std::lock_guard lock(mutex_);
  for (const Drainer& drainer : drainers_)
    if (!drainer.is_handed_over) (void)send(drainer.channel, Order::stop);
  drainers_.clear();
  are_handed_over_ = false;
  ended_ = {};
}

void DrainingProcesses::keep() {
  const std::lock_guard lock(mutex_);
  are_handed_over_ = false;
}

}  // namespace onehop::program
