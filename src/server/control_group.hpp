// SPDX-License-Identifier: Apache-2.0
//
// ControlGroup: what the control groups (cgroups(7)) of a process let it use of memory and of the
// CPUs. Reads the groups of version 2 and of version 1, from the process's own group up to the
// root. A value; reads files when asked. Thread: any.
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

  // `membership` is the text of /proc/PID/cgroup; the file systems are mounted below `root`.
  ControlGroup(std::string root, std::string membership)
      : root_(std::move(root)), membership_(std::move(membership)) {}
  static ControlGroup of_this_process();

  // The minimum of memory.max, memory.high and memory.limit_in_bytes, in bytes.
  std::size_t memory() const;
  // The minimum of the CPU quotas (cpu.max, cpu.cfs_quota_us) as a number of CPUs, rounded up: a
  // quota of half a CPU is 1.
  std::size_t cpus() const;

 private:
  // The minimum that `read` finds in the folders of the group of `controller` and of those above
  // it.
  // "" is version 2.
  template <class Read>
  std::size_t least(std::string_view controller, Read read) const;

  std::string root_;
  std::string membership_;
};

// How many threads can run at once: the CPUs that the process may use (sched_setaffinity(2)), and
// no more than its control group has a quota for. At least 1.
std::size_t usable_cpus();

}  // namespace onehop::server
