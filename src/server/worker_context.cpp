// SPDX-License-Identifier: Apache-2.0
#include "server/worker_context.hpp"

#include "base/exception_text.hpp"
#include "io/buffer_pool.hpp"
#include "server/exchange_log.hpp"
#include "server/log_text.hpp"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <limits>
#include <string>
#include <utility>

namespace onehop::server {
namespace {

h1::Limits limits_of(const Server::Options& options) {
  h1::Limits limits;
  limits.max_start_line = h1::bounded(options.max_request_line);
  limits.max_header_bytes = h1::bounded(options.max_header_bytes);
  limits.max_header_fields = options.max_header_fields;
  return limits;
}

h2::SessionLimits h2_limits_of(const Server::Options& options) {
  static constexpr std::size_t kMax = std::numeric_limits<std::int32_t>::max();
  const auto bounded = [](std::size_t value, std::size_t least) {
    return static_cast<std::uint32_t>(std::clamp(value, least, kMax));
  };
  h2::SessionLimits limits;
  limits.max_streams = bounded(options.max_streams, 1);
  // Less than what the protocol begins with cannot be enforced before the peer has heard of it.
  limits.stream_window = bounded(options.stream_window, 1024);
  limits.connection_window = bounded(options.connection_window, 65'535);
  limits.fields.max_start_line = h1::bounded(options.max_request_line);
  limits.fields.max_bytes = h1::bounded(options.max_header_bytes);
  limits.fields.max_fields = options.max_header_fields;
  return limits;
}

}  // namespace

WorkerContext::WorkerContext(io::Reactor& reactor,
                             std::shared_ptr<ServerShared> shared,
                             std::shared_ptr<const Handler> handler,
                             Owner& owner)
    : reactor_(reactor),
      shared_(std::move(shared)),
      handler_(std::move(handler)),
      owner_(owner),
      limits_(limits_of(shared_->options)),
      h2_limits_(h2_limits_of(shared_->options)),
      head_limit_(
          std::max(limits_.max_start_line + limits_.max_header_bytes, io::BufferPool::kSize)),
      parsers_(h1::HeadKind::request, limits_),
      tunnels_(reactor, drain_),
      untold_timer_(&WorkerContext::on_untold_timer, this) {}

std::string_view WorkerContext::date() {
  const std::int64_t second = ::time(nullptr);
  if (second != date_second_) {
    date_second_ = second;
    date_ = ImfDate(second);
  }
  return date_.text();
}

// What the client asked for does not work, and nothing else would say why.
void WorkerContext::note_dropped_upgrade(const ExchangeRecord& exchange) noexcept {
  try {
    std::string line = "upgrade not allowed: peer=";
    append_log_value(line, exchange.peer);
    line += " request=";
    append_request_line(line, exchange);
    line += " upgrade=";
    append_log_value(line, exchange.upgrade);
    log_limited(shared_->upgrade_lines, std::move(line));
  } catch (...) {  // no memory: it was a line of the log
  }
}

void WorkerContext::log_limited(LineLimit& limit, std::string text) {
  if (!shared_->log_limited(limit, reactor_.now(), std::move(text))) note_untold();
}

void WorkerContext::note_untold() noexcept {
  if (untold_timer_.is_armed()) return;
  reactor_.timers().arm(untold_timer_, reactor_.now() + LineLimit::kPause);
}

void WorkerContext::tell_untold(std::optional<net::Time> now) noexcept {
  try {
    if (!shared_->tell_untold(now) || !now) return;
    reactor_.timers().arm(untold_timer_, *now + LineLimit::kPause);
  } catch (...) {  // no memory: it was a line of the log
  }
}

void WorkerContext::on_untold_timer(void* self) {
  auto& context = *static_cast<WorkerContext*>(self);
  context.tell_untold(context.reactor_.now());
}

void WorkerContext::exchange_ended(const ExchangeRecord& exchange) noexcept {
  try {
    note_end(exchange);
  } catch (...) {  // no memory: it was a line of the log
  }
}

void WorkerContext::note_end(const ExchangeRecord& exchange) {
  if (exchange.upgrade_dropped) note_dropped_upgrade(exchange);
  if (shared_->options.on_exchange_end) {
    try {
      shared_->options.on_exchange_end(exchange);
    } catch (...) {
      shared_->log(LogLevel::error, "on_exchange_end threw: " + exception_text());
    }
  } else if (exchange.failure && exchange.failure->side() != Side::client &&
             !exchange.failure->is(Errc::overloaded)) {  // which was said once for all
    shared_->log(LogLevel::warning, describe_failure(exchange));
  }
}

}  // namespace onehop::server
