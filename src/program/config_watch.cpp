// SPDX-License-Identifier: Apache-2.0
#include "program/config_watch.hpp"

#include "config/config_files.hpp"
#include "program/opened.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace onehop::program {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE |
                                   IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                                   IN_ATTRIB | IN_ONLYDIR;
constexpr int kEndless = -1;

constexpr int kMaxLinks = 40;
constexpr int kLooksPerPause = 4;
constexpr int kMaxPauses = 5;

using Folders = std::set<fs::path>;

// Adds the folders in which a part of the path can be replaced: the folder of each link on the
// path, and that of the file.
void add_folders_of(const fs::path& file, Folders& folders) {
  std::error_code error;
  fs::path rest = fs::absolute(file, error);
  fs::path real;
  for (int links = 0; !rest.empty();) {
    const fs::path part = *rest.begin();
    const fs::path after = rest.lexically_relative(part);
    rest = after == "." ? fs::path() : after;
    if (part == "..") {
      real = real.parent_path();
      continue;
    }
    const fs::path next = part.is_absolute() ? part : real / part;
    if (!fs::is_symlink(next, error)) {
      real = next;
      continue;
    }
    folders.insert(real);
    if (++links > kMaxLinks) return;
    const fs::path target = fs::read_symlink(next, error);
    rest = rest.empty() ? target : target / rest;
    if (target.is_absolute()) real.clear();
  }
  folders.insert(fs::is_directory(real, error) ? real : real.parent_path());
}

Folders folders_of(const std::vector<std::string>& files) {
  Folders folders;
  for (const std::string& file : files) {
    add_folders_of(file, folders);
    std::error_code error;
    if (!fs::is_directory(file, error)) continue;
    for (auto entry = fs::directory_iterator(file, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const bool is_link = entry->is_symlink(error);
      if (is_link && entry->path().extension() == ".toml") add_folders_of(entry->path(), folders);
    }
  }
  return folders;
}

}  // namespace

ConfigWatch::ConfigWatch(std::vector<std::string> files,
                         Reports reports,
                         std::optional<std::size_t> loaded,
                         Duration quiet)
    : files_(std::move(files)),
      reports_(std::move(reports)),
      quiet_(quiet),
      events_(opened(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "--watch-config: inotify")),
      end_(opened(::eventfd(0, EFD_CLOEXEC), "eventfd")) {
  const std::size_t now = look();
  seen_ = loaded.value_or(now);
  thread_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "onehop/watch");
    run();
  });
}

ConfigWatch::~ConfigWatch() {
  ::eventfd_write(end_.get(), 1);
}

void ConfigWatch::watch_folders() {
  are_all_watched_ = true;
  for (const fs::path& folder : folders_of(files_)) {
    // Adding a folder again returns the same watch.
    if (::inotify_add_watch(events_.get(), folder.c_str(), kChanges) >= 0) continue;
    const std::string why = std::system_category().message(errno);
    are_all_watched_ = false;
    if (std::exchange(has_complained_, true) || !reports_.unwatched) continue;
    reports_.unwatched(folder.string() + ": " + why);
  }
}

// That a file cannot be read is part of the fingerprint.
std::size_t ConfigWatch::fingerprint() const {
  config::Findings findings;
  const auto files = config::read_config_files_again({.origin = {}, .names = files_}, findings);
  return config::fingerprint_of(files, findings);
}

std::size_t ConfigWatch::look() {
  watch_folders();
  return fingerprint();
}

bool ConfigWatch::wait_for_event(int patience, bool& has_event) const {
  std::array<pollfd, 2> waits = {{{.fd = end_.get(), .events = POLLIN, .revents = 0},
                                  {.fd = events_.get(), .events = POLLIN, .revents = 0}}};
  while (::poll(waits.data(), waits.size(), patience) < 0 && errno == EINTR) {
  }
  has_event = waits[1].revents != 0;
  return waits[0].revents == 0;
}

bool ConfigWatch::pause(Duration time) const {
  pollfd end{.fd = end_.get(), .events = POLLIN, .revents = 0};
  while (::poll(&end, 1, static_cast<int>(time.count())) < 0 && errno == EINTR) {
  }
  return end.revents == 0;
}

void ConfigWatch::take_events() const {
  alignas(inotify_event) std::array<char, 4096> events;  // NOLINT: written before it is read
  while (::read(events_.get(), events.data(), events.size()) > 0) {
  }
}

// Leaves an event that arrives after the last look for the next call.
std::optional<std::size_t> ConfigWatch::settled() {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  take_events();
  std::size_t last = look();
  // The kernel may suspend the thread at any time, so a change is dated at the end of the look that
  // found it, and a look at its beginning.
  auto changed = Clock::now();
  auto looked = changed;
  while (looked - changed < quiet_ && looked - began < kMaxPauses * quiet_) {
    if (!pause(std::max(quiet_ / kLooksPerPause, Duration(1)))) return std::nullopt;
    take_events();
    looked = Clock::now();
    const std::size_t now = look();
    if (now != std::exchange(last, now)) changed = Clock::now();
  }
  return last;
}

void ConfigWatch::run() {
  const int quiet = static_cast<int>(quiet_.count());
  bool has_event = false;
  int patience = 0;  // the files may have changed since they were loaded
  while (wait_for_event(patience, has_event)) {
    if (has_event || look() != seen_) {
      const auto now = settled();
      if (!now) return;
      if (*now != seen_.exchange(*now)) reports_.changed();
    }
    // A missing folder may appear again, which no event reports.
    patience = are_all_watched_ ? kEndless : quiet;
  }
}

}  // namespace onehop::program
