// SPDX-License-Identifier: Apache-2.0
//
// DrainingProcesses: the earlier processes of the program that still finish their requests, as the
// one sees them that has taken their place.
// Thread: any.
#pragma once

#include "observe/metric_counts.hpp"
#include "program/handover.hpp"
#include "program/process_channel.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace onehop::program {

class DrainingProcesses {
 public:
  // More than this do not drain at a time: the oldest is stopped.
  static constexpr std::size_t kMax = 2;

  void add(ProcessChannel channel);
  // How far each of them is, oldest first. Those that have ended are forgotten.
  std::vector<Progress> ask();
  // They open their log files again.
  void reopen_logs();
  // They cut what is in progress, and end.
  void stop();
  // Waits until all of them have ended, at the longest for as long as they said that they have left
  // and a second more.
  void wait_for_end();
  // Their counts, as they said last, and those of processes that have ended.
  observe::MetricCounts counts() const;
  // Those of processes that had ended before this one began.
  void add_counts(const observe::MetricCounts& counts);
  // Duplicates of the channels for the next process, with room for one more, and the counts of
  // those that are not among them. Nothing has changed before leave(), which stops those that there
  // was no room for and forgets all.
  struct HandedOver {
    std::vector<ProcessChannel> channels = {};
    observe::MetricCounts counts = {};
  };
  HandedOver hand_over();
  void leave();

 private:
  struct Drainer {
    ProcessChannel channel;
    bool is_handed_over = false;
    observe::MetricCounts counts = {};

    void follow(const Progress& progress);
  };

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<Drainer> drainers_;
  observe::MetricCounts ended_;
};

}  // namespace onehop::program
