// SPDX-License-Identifier: Apache-2.0
#include "server/worker_context.hpp"

#include "base/exception_text.hpp"
#include "server/exchange_log.hpp"
#include "server/log_text.hpp"

#include <cstdint>
#include <ctime>
#include <string>
#include <utility>

namespace onehop::server {
WorkerContext::WorkerContext(io::Reactor& reactor,
                             std::shared_ptr<ServerShared> shared,
                             std::shared_ptr<const Handler> handler,
                             Owner& owner)
    : reactor_(reactor),
      shared_(std::move(shared)),
      configuration_(std::make_unique<Configuration>(
          shared_->settings.options, shared_->settings.trusted, std::move(handler))),
      tls_(shared_->settings.tls),
      owner_(owner),
      requests_(shared_->new_worker_number()),
      tunnels_(reactor, drain_),
      suppressed_timer_(io::call<&WorkerContext::on_suppressed_timer>(this)) {}

std::string_view WorkerContext::date() {
  const std::int64_t second = ::time(nullptr);
  if (second != date_second_) {
    date_second_ = second;
    date_ = ImfDate(second);
  }
  return date_.text();
}

// Logs an upgrade that was not allowed, which the client notices and no other line shows.
void WorkerContext::log_dropped_upgrade(const ExchangeRecord& exchange) noexcept {
  try {
    std::string line = "upgrade not allowed: peer=";
    append_log_value(line, exchange.peer);
    line += " request=";
    append_request_line(line, exchange);
    line += " upgrade=";
    append_log_value(line, exchange.upgrade);
    log_limited(shared_->upgrade_lines, std::move(line));
  } catch (...) {  // no memory: the line is lost
  }
}

void WorkerContext::refuse_client(const net::Address& client) {
  counters_.count(Refusal::client_limit);
  const auto line = admission().refused_connection_line(client, reactor_.now());
  if (!line) return on_line_left_out();
  shared_->log(LogLevel::warning, *line);
}

void WorkerContext::log_limited(LineLimit& limit, std::string text) {
  if (!shared_->log_limited(limit, reactor_.now(), std::move(text))) on_line_left_out();
}

void WorkerContext::on_line_left_out() noexcept {
  if (suppressed_timer_.is_armed()) return;
  reactor_.timers().arm(suppressed_timer_, reactor_.now() + LineLimit::kPause);
}

void WorkerContext::log_suppressed(std::optional<net::Time> now) noexcept {
  try {
    if (!shared_->log_suppressed(now) || !now) return;
    reactor_.timers().arm(suppressed_timer_, *now + LineLimit::kPause);
  } catch (...) {  // no memory: the line is lost
  }
}

void WorkerContext::on_suppressed_timer() {
  log_suppressed(reactor_.now());
}

void WorkerContext::exchange_ended(const ExchangeRecord& exchange,
                                   const Server::Options& options) noexcept {
  try {
    report_end(exchange, options);
  } catch (...) {  // no memory: the line is lost
  }
}

void WorkerContext::tunnel_began(const ExchangeRecord& exchange,
                                 const Server::Options& options) noexcept {
  if (!options.on_tunnel) return;
  try {
    call(options.on_tunnel, "on_tunnel", exchange);
  } catch (...) {  // no memory: the line is lost
  }
}

void WorkerContext::call(const std::function<void(const ExchangeRecord&)>& hook,
                         const char* name,
                         const ExchangeRecord& exchange) {
  try {
    hook(exchange);
  } catch (...) {
    shared_->log(LogLevel::error, std::string(name) + " threw: " + exception_text());
  }
}

void WorkerContext::report_end(const ExchangeRecord& exchange, const Server::Options& options) {
  if (exchange.upgrade_dropped) log_dropped_upgrade(exchange);
  if (options.on_exchange_end) {
    call(options.on_exchange_end, "on_exchange_end", exchange);
  } else if (exchange.failure && exchange.failure->side() != Side::client &&
             !exchange.failure->is(Errc::overloaded)) {  // which is logged once for all
    shared_->log(LogLevel::warning, describe_failure(exchange));
  }
}

}  // namespace onehop::server
