// SPDX-License-Identifier: Apache-2.0
//
// Helpers for tests that use HTTP/1 as text: parts of a message, messages without Date, and copies
// of the records of ended exchanges.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/server.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::test {

// Returns `text` without its Date lines.
inline std::string without_date(std::string text) {
  for (;;) {
    const std::size_t at = text.find("\r\nDate: ");
    if (at == std::string::npos) return text;
    text.erase(at, text.find("\r\n", at + 2) - at);
  }
}

// Returns the text after the first empty line.
inline std::string body_of(std::string_view message) {
  const std::size_t at = message.find("\r\n\r\n");
  return at == std::string_view::npos ? std::string() : std::string(message.substr(at + 4));
}

inline int count_of(std::string_view piece, std::string_view text) {
  int count = 0;
  for (std::size_t at = text.find(piece); at != std::string_view::npos;
       at = text.find(piece, at + piece.size())) {
    ++count;
  }
  return count;
}

// Returns the status code of a message, or 0 if it has no status line.
inline int status_of(std::string_view message) {
  constexpr std::string_view kBegin = "HTTP/1.1 ";
  if (!message.starts_with(kBegin) || message.size() < kBegin.size() + 3) return 0;
  return std::stoi(std::string(message.substr(kBegin.size(), 3)));
}

struct EndedExchange {
  explicit EndedExchange(const ExchangeRecord& exchange)
      : client(exchange.client),
        peer(exchange.peer),
        status(exchange.status),
        outcome(exchange.outcome),
        target(exchange.target),
        request_body(exchange.request_body),
        response_body(exchange.response_body),
        upgraded(exchange.upgraded),
        upstream(exchange.upstream),
        attempts(exchange.attempts),
        reused(exchange.reused),
        upstream_chosen(exchange.upstream_chosen),
        request_sent(exchange.request_sent),
        response_began(exchange.response_began),
        request_id(exchange.request_id),
        trace_id(exchange.trace_id),
        failure(exchange.failure) {}

  bool failed_with(Errc code) const { return failure && failure->is(code); }

  std::string client;
  std::string peer;
  int status;
  Outcome outcome;
  std::string target;
  std::uint64_t request_body;
  std::uint64_t response_body;
  bool upgraded;
  std::string upstream;
  int attempts;
  bool reused;
  Time upstream_chosen;
  Time request_sent;
  Time response_began;
  std::string request_id;
  std::string trace_id;
  std::optional<Error> failure;
};

// Records every exchange of the servers with these options, in the order in which they end.
class ExchangeLog {
 public:
  Server::Options options() const { return watch({}); }
  Server::Options watch(Server::Options options) const {
    options.on_exchange_end = [all = all_](const ExchangeRecord& exchange) {
      all->emplace_back(exchange);
    };
    options.log = [](LogLevel, std::string_view) {};
    return options;
  }
  std::size_t size() const { return all_->size(); }
  const EndedExchange& last() const { return all_->back(); }
  const EndedExchange& at(std::size_t index) const { return all_->at(index); }

 private:
  std::shared_ptr<std::vector<EndedExchange>> all_ = std::make_shared<std::vector<EndedExchange>>();
};

}  // namespace onehop::test
