// SPDX-License-Identifier: Apache-2.0
#include "server/server_shared.hpp"

#include "base/exception_text.hpp"
#include "server/log_text.hpp"

#include <chrono>
#include <utility>

namespace onehop::server {

void ServerShared::log(LogLevel level, std::string_view text) const {
  std::string why;
  const std::shared_ptr<const Server::Options> options = current_options();
  if (options->log) {
    try {
      return options->log(level, text);
    } catch (...) {  // the line goes to standard error rather than be lost
      why = " (the log threw: " + exception_text() + ")";
    }
  } else if (level < LogLevel::warning) {
    return;
  }
  std::string line;
  append_log_line(line, level, std::string(text) + why, std::chrono::system_clock::now());
  default_log.add(line);
}

bool ServerShared::log_limited(LineLimit& limit, io::Time now, std::string text) const {
  const auto suppressed = limit.admit(now);
  if (suppressed) text += and_suppressed(*suppressed);
  log(suppressed ? LogLevel::warning : LogLevel::info, text);
  return suppressed.has_value();
}

bool ServerShared::log_suppressed(std::optional<io::Time> now) {
  bool has_more = false;
  const auto log_count = [&](LineLimit& limit, const char* what) {
    const std::uint64_t suppressed = now ? limit.take_suppressed(*now) : limit.take_suppressed();
    if (suppressed > 0) log(LogLevel::warning, what + and_suppressed(suppressed));
    has_more = has_more || limit.has_suppressed();
  };
  log_count(shortage_lines, "accepting pauses");
  log_count(handshake_lines, "TLS handshake failed");
  log_count(plain_http_lines, "TLS handshake failed: the client spoke plain HTTP");
  log_count(proxy_header_lines, "no PROXY header");
  log_count(upgrade_lines, "upgrade not allowed");
  log_count(admission.client_lines(), "closed connections of clients that have too many open");
  log_count(admission.memory_lines(), "memory limit reached");
  return has_more;
}

}  // namespace onehop::server
