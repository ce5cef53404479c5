// SPDX-License-Identifier: Apache-2.0
#include "observe/process_families.hpp"

#include "io/file_descriptor.hpp"
#include "observe/build_info.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

namespace onehop::observe {
namespace {

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

double seconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Returns the seconds from 1970-01-01 to the boot, computed from the clock at the first call so
// that the value does not change. /proc/stat has it too, but systemd may hide that file.
double boot_time() {
  static const double time = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME);
  return time;
}

// Files of /proc, which stay open after the first use.
class ProcessFiles {
 public:
  // Returns the fields of /proc/self/stat after the program's name, which may contain blanks. The
  // first is field 3 of proc(5). Returns an empty list if the file cannot be read.
  std::vector<std::string> stat_fields() const {
    std::array<char, 4096> text{};
    const ssize_t size = ::pread(stat_.get(), text.data(), text.size(), 0);
    const std::string_view stat(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string_view::npos) return {};
    std::istringstream rest(std::string(stat.substr(name_end + 1)));
    return {std::istream_iterator<std::string>(rest), {}};
  }
  std::optional<std::uint64_t> count_descriptors() {
    const std::lock_guard lock(mutex_);
    if (!folder_) return std::nullopt;
    std::uint64_t count = 0;
    ::rewinddir(folder_.get());
    while (const dirent* const entry = ::readdir(folder_.get()))  // NOLINT(concurrency-mt-unsafe)
      count += entry->d_name[0] != '.' ? 1 : 0;
    return count;
  }

 private:
  struct Close {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
  };

  const io::FileDescriptor stat_{::open("/proc/self/stat", O_RDONLY | O_CLOEXEC)};
  std::mutex mutex_;
  const std::unique_ptr<DIR, Close> folder_{::opendir("/proc/self/fd")};
};

}  // namespace

ProcessNumbers read_process_numbers() {
  static ProcessFiles files;
  ProcessNumbers numbers;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  if (const auto fields = files.stat_fields(); fields.size() > 21) {
    // Fields of proc(5): utime 14, stime 15, num_threads 20, starttime 22, vsize 23, rss 24.
    const auto field = [&](std::size_t number) { return number_in(fields[number - 3]); };
    numbers.cpu_seconds = static_cast<double>(field(14) + field(15)) / ticks;
    numbers.threads = field(20);
    numbers.start_time = boot_time() + static_cast<double>(field(22)) / ticks;
    numbers.virtual_bytes = field(23);
    numbers.resident_bytes = field(24) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) numbers.max_descriptors = limit.rlim_cur;
  numbers.open_descriptors = files.count_descriptors();
  return numbers;
}

void add_process_families(MetricFamilies& families, const ProcessNumbers& numbers) {
  const auto add = [](MetricFamilies::Family family, const auto& value) {
    if (value) family.add(*value);
  };
  add(families.gauge("process_start_time_seconds",
                     "When the process started, in seconds since 1970-01-01."),
      numbers.start_time);
  add(families.counter("process_cpu_seconds_total",
                       "User and system time of the process, in seconds."),
      numbers.cpu_seconds);
  add(families.gauge("process_open_fds", "Open descriptors."), numbers.open_descriptors);
  add(families.gauge("process_max_fds", "The maximum number of open descriptors."),
      numbers.max_descriptors);
  add(families.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM."),
      numbers.resident_bytes);
  add(families.gauge("process_virtual_memory_bytes", "Address space of the process."),
      numbers.virtual_bytes);
  add(families.gauge("process_threads", "Threads of the process."), numbers.threads);
}

void add_build_family(MetricFamilies& families) {
  const BuildInfo build = build_info();
  families.gauge("onehop_build_info", "1, with the versions as labels.")
      .add(1.0, {{"version", build.version},
                 {"commit", build.commit},
                 {"openssl", build.openssl},
                 {"nghttp2", build.nghttp2}});
}

}  // namespace onehop::observe
