// SPDX-License-Identifier: Apache-2.0
//
// DrainingProcesses: the earlier processes that still finish their requests, as the process that
// replaced them sees them.
// Thread: any.
#pragma once

#include "observe/metric_counts.hpp"
#include "program/handover.hpp"
#include "program/process_channel.hpp"

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace onehop::program {

class DrainingProcesses {
 public:
  // The maximum number that drain at a time; if exceeded, the oldest is stopped.
  static constexpr std::size_t kMax = 2;

  void add(ProcessChannel channel);
  // Returns the progress of each, oldest first. Those that have ended are forgotten. After
  // hand_over(), it returns what they reported last.
  std::vector<Progress> ask();
  // Orders them to open their log files again.
  void reopen_logs();
  // Orders them to cut requests in progress, and to end.
  void stop();
  // Waits until all of them have ended, at most a second longer than the time that they have
  // reported.
  void wait_for_end();
  // Their counts as last reported, and those of processes that have ended.
  observe::MetricCounts counts() const;
  // Those of processes that had ended before this one began.
  void add_counts(const observe::MetricCounts& counts);
  // Duplicates of the channels for the next process, with room for one more, and the counts of
  // those that are not among them. From then on none is asked: the next process would not know what
  // one reports to this process, and counters would go back. Either leave() follows, which stops
  // those for which there was no room and forgets all, or keep(): there is no next process.
  struct HandedOver {
    std::vector<ProcessChannel> channels = {};
    observe::MetricCounts counts = {};
  };
  HandedOver hand_over();
  void leave();
  void keep();

 private:
  struct Drainer {
    ProcessChannel channel;
    bool is_handed_over = false;
    std::optional<Progress> last = {};  // that it said
    observe::MetricCounts counts = {};

    void follow(const Progress& progress);
  };

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<Drainer> drainers_;
  bool are_handed_over_ = false;
  observe::MetricCounts ended_;
};

}  // namespace onehop::program
