// SPDX-License-Identifier: Apache-2.0
#include "server/server_shared.hpp"

#include "base/exception_text.hpp"
#include "server/log_text.hpp"

#include <chrono>
#include <utility>

namespace onehop::server {

void ServerShared::set_limits() {
  admission.set_limits(options,
                       [this](LogLevel level, std::string_view text) { log(level, text); });
}

Result<void> ServerShared::prepare_tls() {
  if (!options.tls) return {};
  net::TlsProtocols protocols;
  if (options.http2) protocols.emplace_back("h2");
  protocols.emplace_back("http/1.1");
  auto loaded = TlsCertificates::load(
      *options.tls, protocols, [this](LogLevel level, std::string_view text) { log(level, text); });
  if (!loaded) return failure(loaded.error());
  tls = std::move(*loaded);
  return {};
}

void ServerShared::log(LogLevel level, std::string_view text) const {
  std::string why;
  if (options.log) {
    try {
      return options.log(level, text);
    } catch (...) {  // the line matters more than its place in the log
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
  const auto untold = limit.admit(now);
  if (untold) text += and_untold(*untold);
  log(untold ? LogLevel::warning : LogLevel::info, text);
  return untold.has_value();
}

bool ServerShared::log_untold(std::optional<io::Time> now) {
  bool has_more = false;
  const auto log_count = [&](LineLimit& limit, const char* what) {
    const std::uint64_t untold = now ? limit.take_untold(*now) : limit.take_untold();
    if (untold > 0) log(LogLevel::warning, what + and_untold(untold));
    has_more = has_more || limit.has_untold();
  };
  log_count(shortage_lines, "accepting pauses");
  log_count(handshake_lines, "TLS handshake failed");
  log_count(plain_http_lines, "TLS handshake failed: the client spoke plain HTTP");
  log_count(upgrade_lines, "upgrade not allowed");
  return has_more;
}

}  // namespace onehop::server
