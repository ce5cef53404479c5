// SPDX-License-Identifier: Apache-2.0
//
// DrainingProcesses are the earlier processes that still finish their requests after this process
// has replaced them.
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
  // The maximum number of processes that drain at a time; if exceeded, the oldest is stopped.
  static constexpr std::size_t kMax = 2;

  void add(ProcessChannel channel);
  // Returns the progress of each process, oldest first, and forgets processes that have ended.
  // After hand_over(), returns their last reports instead.
  std::vector<Progress> ask();
  // Orders the processes to reopen their log files.
  void reopen_logs();
  // Orders the processes to abort requests in progress and to end.
  void stop();
  // Waits until all processes have ended, for at most one second longer than the time that they
  // last reported.
  void wait_for_end();
  // Returns the sum of the counts last reported, including those of processes that have ended.
  observe::MetricCounts counts() const;
  // Adds the counts of processes that ended before this process began.
  void add_counts(const observe::MetricCounts& counts);
  // Returns duplicates of the channels for the next process, leaving room for this one, and the
  // counts of all processes without a channel there. After that, this process does not ask any of
  // them for reports, because the next process would miss the counts in them, and its counters
  // would go back. The caller then calls leave(), which stops the processes for which there was no
  // room and forgets all, or keep() if there is no next process.
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
    std::optional<Progress> last = {};  // the last report received
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
