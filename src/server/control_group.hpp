// SPDX-License-Identifier: Apache-2.0
//
// ControlGroup reads how much memory and how many CPUs the control groups (cgroups(7)) of a process
// let it use. It reads the groups of version 2 and of version 1, from the process's own group up to
// the root. It is a value that reads the files in each call.
// Thread: any.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::server {

class ControlGroup {
 public:
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  // `membership` is the text of /proc/PID/cgroup. The file systems are mounted below `root`.
  ControlGroup(std::string root, std::string membership)
      : root_(std::move(root)), membership_(std::move(membership)) {}
  static ControlGroup of_this_process();

  // Returns the minimum of memory.max, memory.high and memory.limit_in_bytes, in bytes.
  std::size_t memory() const;
  // Returns the minimum of the CPU quotas (cpu.max, cpu.cfs_quota_us) as a number of CPUs, rounded
  // up: a quota of half a CPU counts as 1.
  std::size_t cpus() const;

 private:
  // Returns the minimum of `read` over the folders of the group of `controller` and of its
  // ancestors. "" is version 2.
  template <class Read>
  std::size_t smallest(std::string_view controller, Read read) const;

  std::string root_;
  std::string membership_;
};

// Returns how many threads can run at once: the number of CPUs that the process may use
// (sched_setaffinity(2)), but at most the quota of its control group. At least 1.
std::size_t usable_cpus();

}  // namespace onehop::server
