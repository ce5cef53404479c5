// SPDX-License-Identifier: Apache-2.0
#include "program/log.hpp"

#include "server/exchange_log.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace onehop::program {
namespace {

constexpr std::size_t kLinesInQueue = 1024;

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

struct Log::State {
  std::shared_ptr<spdlog::async_logger> logger;
  std::shared_ptr<spdlog::details::thread_pool> writer;  // goes first, and with it what is queued
};

Log::Log(bool verbose) : state_(std::make_unique<State>()) {
  state_->writer = std::make_shared<spdlog::details::thread_pool>(kLinesInQueue, 1);
  state_->logger = std::make_shared<spdlog::async_logger>(
      "onehop", std::make_shared<spdlog::sinks::stderr_color_sink_mt>(), state_->writer,
      spdlog::async_overflow_policy::overrun_oldest);
  state_->logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
  state_->logger->set_level(verbose ? spdlog::level::debug : spdlog::level::warn);
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view line) {
  state_->logger->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

void Log::record_failure(const Exchange& exchange) {
  if (!exchange.failure && exchange.outcome == Outcome::complete) return;
  const LogLevel level = level_of_failure(exchange);
  if (!state_->logger->should_log(spdlog_level(level))) return;
  write(level, server::describe_failure(exchange));
}

LogLevel level_of_failure(const Exchange& exchange) noexcept {
  if (exchange.outcome == Outcome::client_gone) return LogLevel::info;
  if (!exchange.failure) return LogLevel::warning;
  if (exchange.failure->is(Errc::cancelled)) return LogLevel::warning;  // cut by a stop
  if (exchange.failure->is(Errc::overloaded)) return LogLevel::info;    // was said once for all
  switch (exchange.failure->side()) {
    case Side::client:
      return LogLevel::info;
    case Side::upstream:
      return LogLevel::warning;
    case Side::local:
      return LogLevel::error;
  }
  return LogLevel::error;
}

}  // namespace onehop::program
