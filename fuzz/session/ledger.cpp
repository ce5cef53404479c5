// SPDX-License-Identifier: Apache-2.0
#include "ledger.hpp"

#include <onehop/url.hpp>

#include "base/check.hpp"

#include <charconv>
#include <functional>

namespace onehop::fuzz {
namespace {

using namespace onehop::literals;  // NOLINT(google-build-using-namespace)

// An extended CONNECT is forwarded as the GET of an upgrade, and vice versa (RFC 8441 §5).
bool is_same_method(const Method& a, const Method& b) {
  const auto plain = [](const Method& m) { return m == Method::connect ? Method::get : m; };
  return plain(a) == plain(b);
}

}  // namespace

std::string forwarded_target(const std::string& target) {
  const auto url = Url::parse_target(target);
  if (!url) return target;
  return std::string(url->without_authority().resolved_below("http://backend"_url).target());
}

Record::Record(const ExchangeRecord& exchange)
    : method(exchange.method),
      version(exchange.version),
      target(exchange.target),
      status(exchange.status),
      outcome(exchange.outcome),
      request_body(exchange.request_body),
      response_body(exchange.response_body),
      upgraded(exchange.upgraded),
      attempts(exchange.attempts) {}

Ledger::Ledger(std::string_view input) noexcept : secret_(std::hash<std::string_view>()(input)) {}

Said& Ledger::ask(std::size_t client) {
  Said& said = asked_.emplace_back();
  said.number = asked_.size() - 1;
  said.peer = client % kPeers;
  said.target = "/" + std::to_string(said.number);
  return said;
}

Said& Ledger::answer(std::size_t backend) {
  Said& said = answered_.emplace_back();
  said.number = answered_.size() - 1;
  said.peer = backend % kPeers;
  return said;
}

std::string Ledger::mark(std::string_view field, const Said& said) const {
  const std::string number = std::to_string(said.number);
  const std::string text = std::string(field) + number + "." + std::to_string(secret_);
  return number + "-" + std::to_string(std::hash<std::string_view>()(text));
}

Said* Ledger::find(std::string_view field, std::deque<Said>& all, std::string_view value) {
  std::size_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  if (number >= all.size() || mark(field, all[number]) != value) return nullptr;
  return &all[number];
}

bool Ledger::has_unrepeatable() const noexcept {
  return std::any_of(asked_.begin(), asked_.end(), [this](const Said& each) {
    return each.arrived == 0 && each.sent > max_replayed;
  });
}

std::uint64_t Ledger::content_said() const noexcept {
  std::uint64_t sum = 0;
  for (const auto* all : {&asked_, &answered_}) {
    for (const Said& each : *all)
      sum += each.sent;
  }
  return sum;
}

void Ledger::record_arrival(const Method& method, std::string_view target) {
  for (Arrivals& each : arrivals_) {
    if (!is_same_method(each.method, method) || each.target != target) continue;
    ++each.count;
    return;
  }
  arrivals_.push_back({method, std::string(target), 1});
}

void Ledger::check_arrivals() {
  for (const Arrivals& each : arrivals_) {
    std::size_t attempts = 0;
    for (const auto& of_client : records_) {
      for (const Record& record : of_client) {
        if (!is_same_method(record.method, each.method)) continue;
        if (forwarded_target(record.target) == each.target) attempts += record.attempts;
      }
    }
    ONEHOP_CHECK(each.count <= attempts);
  }
}

}  // namespace onehop::fuzz
