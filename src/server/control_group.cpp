// SPDX-License-Identifier: Apache-2.0
#include "server/control_group.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <thread>

#include <sched.h>

namespace onehop::server {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Returns the number in a file. "max", -1 and all other text mean that there is no limit.
std::size_t limit_in(const std::string& path) {
  std::ifstream file(path);
  long long limit = -1;
  if (!(file >> limit) || limit < 0) return ControlGroup::kUnlimited;
  return static_cast<std::size_t>(limit);
}

std::size_t whole_cpus(std::size_t quota, std::size_t period) {
  if (quota == ControlGroup::kUnlimited || period == ControlGroup::kUnlimited || period == 0) {
    return ControlGroup::kUnlimited;
  }
  return std::max<std::size_t>(1, quota / period + (quota % period == 0 ? 0 : 1));
}

// The file has the quota and the period in microseconds: "max 100000" or "150000 100000".
std::size_t cpus_of_version_2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::size_t quota = 0;
  std::size_t period = 0;
  if (!(file >> quota >> period)) return ControlGroup::kUnlimited;
  return whole_cpus(quota, period);
}

std::size_t cpus_of_version_1(const std::string& folder) {
  return whole_cpus(limit_in(folder + "/cpu.cfs_quota_us"),
                    limit_in(folder + "/cpu.cfs_period_us"));
}

bool is_among(std::string_view word, std::string_view list) {
  std::istringstream words{std::string(list)};
  for (std::string one; std::getline(words, one, ',');) {
    if (one == word) return true;
  }
  return false;
}

// One line of /proc/PID/cgroup: "4:cpu,cpuacct:/docker/1", or "0::/system.slice" for version 2.
struct Membership {
  std::string controllers;
  std::string group;
};

std::optional<Membership> find_membership(const std::string& text, std::string_view controller) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos || second + 1 >= line.size() || line[second + 1] != '/') continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_it = controller.empty() ? controllers.empty() && line.starts_with("0:")
                                          : is_among(controller, controllers);
    if (is_it) return Membership{controllers, line.substr(second + 1)};
  }
  return std::nullopt;
}

}  // namespace

template <class Read>
std::size_t ControlGroup::smallest(std::string_view controller, Read read) const {
  const auto membership = find_membership(membership_, controller);
  if (!membership) return kUnlimited;
  std::string mount = root_;
  if (!controller.empty()) mount += "/" + membership->controllers;
  std::string group = membership->group;
  std::size_t found = kUnlimited;
  for (;;) {
    if (group == "/") group.clear();
    found = std::min<std::size_t>(found, read(mount + group));
    if (group.empty()) return found;
    group.resize(group.rfind('/'));
  }
}

ControlGroup ControlGroup::of_this_process() {
  return {"/sys/fs/cgroup", content_of("/proc/self/cgroup")};
}

std::size_t ControlGroup::memory() const {
  const std::size_t version_2 = smallest("", [](const std::string& folder) {
    return std::min(limit_in(folder + "/memory.max"), limit_in(folder + "/memory.high"));
  });
  const std::size_t version_1 = smallest("memory", [](const std::string& folder) {
    return limit_in(folder + "/memory.limit_in_bytes");
  });
  return std::min(version_2, version_1);
}

std::size_t ControlGroup::cpus() const {
  return std::min(smallest("", cpus_of_version_2), smallest("cpu", cpus_of_version_1));
}

std::size_t usable_cpus() {
  cpu_set_t set;
  std::size_t allowed = std::thread::hardware_concurrency();  // if a cpu_set_t is too small
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    allowed = static_cast<std::size_t>(CPU_COUNT(&set));
  }
  allowed = std::max<std::size_t>(allowed, 1);
  return std::min(allowed, ControlGroup::of_this_process().cpus());
}

}  // namespace onehop::server
