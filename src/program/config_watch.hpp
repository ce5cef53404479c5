// SPDX-License-Identifier: Apache-2.0
//
// ConfigWatch: sees that configuration files have changed (--watch-config). It watches their
// folders, since editors and Kubernetes replace a file, or a link to its folder, by another. After
// a change it waits until the contents have been the same for a while, so that half of a change is
// not taken for the whole, but not longer than five times that. Changes after which the contents
// are the same, and those of other files, are ignored. Files in folders that the system does not
// watch are read again and again. A pipe counts as a file that cannot be read.
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
    // Called at most once, with a sentence that says why a folder cannot be watched. May be empty.
    std::function<void(const std::string& why)> unwatched = {};
  };

  // `files`: files, and folders that stand for their *.toml. The reports are called on the watch's
  // thread. `loaded` is the fingerprint (config/config_files.hpp) of the contents in use; without
  // it, those of now. Throws std::system_error if the system has no room for a watch.
  ConfigWatch(std::vector<std::string> files,
              Reports reports,
              std::optional<std::size_t> loaded = std::nullopt,
              Duration quiet = std::chrono::seconds(2));
  ConfigWatch(const ConfigWatch&) = delete;
  ConfigWatch& operator=(const ConfigWatch&) = delete;
  ~ConfigWatch();

  // Contents with this fingerprint are no change. From any thread.
  void set_known(std::size_t fingerprint) noexcept { seen_ = fingerprint; }

 private:
  void run();
  // Both return false once the watch ends. `patience` is in milliseconds; -1: no limit.
  bool wait_for_event(int patience, bool& has_event) const;
  bool pause(Duration time) const;
  // Waits until the contents stay the same, and returns them; std::nullopt once the watch ends.
  std::optional<std::size_t> settled();
  // Returns the present contents, and watches all folders that the names lead to.
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
  std::jthread thread_;                // last: it uses the rest
};

}  // namespace onehop::program
