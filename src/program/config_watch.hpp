// SPDX-License-Identifier: Apache-2.0
//
// ConfigWatch detects changes of configuration files (--watch-config). It watches their folders,
// because editors and Kubernetes replace a file, or a link to its folder. After a change it waits
// until the contents have been stable for the quiet time, so that it does not report half of a
// change, but for at most five times that long. It ignores events that leave the contents the same,
// and events of other files. It polls files in folders that the system cannot watch. It treats a
// pipe as a file that cannot be read.
// Thread: owner.
#pragma once

#include "io/file_descriptor.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace onehop::program {

class ConfigWatch {
 public:
  using Duration = std::chrono::milliseconds;

  struct Reports {
    std::function<void()> changed;
    // Called at most once, with the reason why a folder cannot be watched. May be empty.
    std::function<void(const std::string& why)> unwatched = {};
  };

  // `files` are files, or folders whose *.toml files are watched. `reports` are called on the
  // watch's thread. `loaded` is the fingerprint (config/config_files.hpp) of the contents in use;
  // if it is std::nullopt, the contents at construction count as in use. Throws std::system_error
  // if the system cannot create a watch.
  ConfigWatch(std::vector<std::string> files,
              Reports reports,
              std::optional<std::size_t> loaded = std::nullopt,
              Duration quiet = std::chrono::seconds(2));
  ConfigWatch(const ConfigWatch&) = delete;
  ConfigWatch& operator=(const ConfigWatch&) = delete;
  ~ConfigWatch();

  // Makes contents with this fingerprint count as unchanged. May be called from any thread.
  void set_known(std::size_t fingerprint) noexcept { seen_ = fingerprint; }

 private:
  void run();
  // Both return false once the watch ends. `patience` is in milliseconds; -1 waits without a limit.
  bool wait_for_event(int patience, bool& has_event) const;
  bool pause(Duration time) const;
  // Waits until the contents are stable and returns their fingerprint, or std::nullopt once the
  // watch ends.
  std::optional<std::size_t> settled();
  // Watches all folders that the file names lead to, and returns the fingerprint of the contents.
  std::size_t look();
  void take_events() const;
  void watch_folders();
  std::size_t fingerprint() const;

  const std::vector<std::string> files_;
  const Reports reports_;
  const Duration quiet_;
  io::FileDescriptor events_;
  io::FileDescriptor end_;
  bool are_all_watched_ = false;
  bool has_complained_ = false;
  std::atomic<std::size_t> seen_ = 0;  // the fingerprint of the last contents
  std::jthread thread_;                // last, because it uses the other members
};

}  // namespace onehop::program
