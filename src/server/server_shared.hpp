// SPDX-License-Identifier: Apache-2.0
//
// ServerShared is the state that all workers of a server share: the settings, the admission of
// connections and requests, and the log. One thread sets it up before the workers run; after that
// only an update changes the settings.
// Thread: any.
#pragma once

#include <onehop/server.hpp>

#include "server/admission.hpp"
#include "server/line_limit.hpp"
#include "server/line_writer.hpp"
#include "server/settings.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace onehop::server {

class ServerShared {
  mutable std::mutex settings_mutex_;  // declared before the members that may log

 public:
  // Standard error, for a server without Options::log. The members declared after it may log.
  mutable LineWriter default_log{STDERR_FILENO};
  // Used without the lock only until the workers run, and by the thread of an update.
  Settings settings;
  Admission admission;
  // Limits on log lines that clients can cause.
  LineLimit shortage_lines;
  LineLimit handshake_lines;
  LineLimit plain_http_lines;
  LineLimit proxy_header_lines;
  LineLimit upgrade_lines;

  ServerShared() {
    admission.set_log([this](LogLevel level, std::string_view text) { log(level, text); });
  }
  ServerShared(const ServerShared&) = delete;
  ServerShared& operator=(const ServerShared&) = delete;
  ~ServerShared() = default;

  // Returns the next worker's number, from 0 on.
  std::uint64_t new_worker_number() noexcept {
    return workers_made_.fetch_add(1, std::memory_order_relaxed);
  }
  // Returns a copy of the settings in use.
  Settings current_settings() const {
    const std::lock_guard lock(settings_mutex_);
    return settings;
  }
  std::shared_ptr<const Server::Options> current_options() const noexcept {
    const std::lock_guard lock(settings_mutex_);
    return settings.options;
  }
  // Puts `next` in place of the settings in use, and returns those.
  Settings replace_settings(Settings next) noexcept {
    const std::lock_guard lock(settings_mutex_);
    std::swap(settings, next);
    return next;
  }
  // Drops the references to the sockets, so that only the workers hold them, if any do.
  void forget_sockets() noexcept {
    const std::lock_guard lock(settings_mutex_);
    for (OpenListener& one : settings.listeners)
      one.socket.reset();
  }
  // Returns the log for Settings::make_tls().
  TlsCertificates::Log log_of_tls() {
    return [this](LogLevel level, std::string_view text) { log(level, text); };
  }
  // Sets the limits of admission from the options.
  void set_limits() { admission.set_limits(Admission::limits_of(*settings.options)); }
  void log(LogLevel level, std::string_view text) const;
  // Logs a warning and returns true if `limit` admits it. Otherwise logs an info line.
  bool log_limited(LineLimit& limit, io::Time now, std::string text) const;
  // Logs how many lines were left out by limits whose pause is over or, if `now` is std::nullopt,
  // by all limits. Returns whether more are left to report.
  bool log_suppressed(std::optional<io::Time> now);

 private:
  std::atomic<std::uint64_t> workers_made_ = 0;
};

}  // namespace onehop::server
