// SPDX-License-Identifier: Apache-2.0
#include "support/fault_matrix.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

namespace onehop::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxProblems = 5;
// The largest content is this many times the buffer of an in-memory connection.
constexpr int kMaxBuffers = 4;
// The steps of time until every timeout has expired. Delayed bytes are sent after the first step.
constexpr std::array<std::chrono::nanoseconds, 8> kSteps = {200ms, 1s, 1s, 11s, 11s, 20s, 61s, 61s};
// The time until idle connections to the backend are closed.
constexpr auto kIdle = 10s;

std::string describe(const FaultMatrix::Case& wanted) {
  const auto fault = [](const Fault& it) {
    return std::string(name_of(it.way)) + " at " + std::to_string(it.at) +
           (it.way == Way::garble ? " (" + std::to_string(int{it.byte}) + ")" : std::string());
  };
  return std::string(wanted.question.name) + ", " + std::string(wanted.answer.name) +
         ", backend: " + fault(wanted.backend) + ", client: " + fault(wanted.client) +
         (wanted.on_used_connection ? ", used" : "") + ": ";
}

// Tries every byte; unoptimised builds try a sample and the last byte, to save time.
std::size_t step(std::size_t at, std::size_t size) {
#ifdef NDEBUG
  constexpr std::size_t kStep = 1;
#else
  constexpr std::size_t kStep = 7;
#endif
  return at < size ? std::min(kStep, size - at) : 1;
}

// Returns replacements of a byte: another digit or letter, the other case, a byte that is not text,
// and bytes with a meaning to a parser.
std::set<char> garbled(char byte) {
  std::set<char> others;
  for (const int mask : {0x01, 0x20, 0x80})
    others.insert(static_cast<char>(byte ^ mask));
  for (const char other : {'\0', '\n'})
    others.insert(other);
  others.erase(byte);
  return others;
}

}  // namespace

FaultMatrix::FaultMatrix(Protocols protocols)
    : protocols_(protocols), backend_(AnsweringBackend::make(protocols.backend, network_)) {
  backend_->listen();
  Transport::Options transport = network_.transport_options();
  transport.response_timeout = 10s;
  transport.activity_timeout = 10s;
  transport_ = std::make_shared<Transport>(transport);
  ReverseProxy::Options proxy;
  proxy.transport = transport_;
  const char* const target =
      protocols.backend == Protocol::h1 ? "http://backend" : "h2c://backend:80";
  proxy.rewrite = [url = Url::parse(target).value()](ProxyRequest& request) {
    request.set_url(url);
  };
  network_.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(proxy)),
                 exchanges_.options());
}

std::unique_ptr<AskingClient> FaultMatrix::connect() {
  return AskingClient::make(protocols_.client, network_.connect("proxy:80"));
}

// All ids have the same length, so that a byte has the same position in every case.
std::string FaultMatrix::id_of(std::string_view what) const {
  std::string number = std::to_string(number_);
  number.insert(0, 6 - number.size(), '0');
  return std::string(what) + number;
}

std::string FaultMatrix::run(const Case& wanted) {
  ++number_;
  id_ = id_of("r");
  std::string problem = run_and_leave(wanted);
  const std::string rest = judge_rest();
  if (problem.empty()) problem = rest;
  return problem.empty() ? problem : id_ + ": " + describe(wanted) + problem;
}

std::string FaultMatrix::run_and_leave(const Case& wanted) {
  const auto client = connect();
  const auto bystander = connect();
  std::string problem = begin(wanted, *client);
  if (!problem.empty()) return "before it: " + problem;
  const std::string bystander_id = id_of("b");
  bystander->ask({"bystander"}, bystander_id);
  backend_->keep_waiting(bystander_id);
  problem = go_on(wanted, *client, *bystander);
  if (problem.empty()) problem = judge(wanted, *client);
  backend_->listen();
  return problem.empty() ? ask_more(*client) : problem;
}

std::string FaultMatrix::begin(const Case& wanted, AskingClient& client) {
  AnsweringBackend::Plan plan;
  plan.id = id_;
  plan.answer = wanted.answer;
  plan.fault = wanted.backend;
  plan.whole_connection = wanted.from_connect;
  plan.early = wanted.early;
  plan.surplus = wanted.surplus;
  backend_->plan(std::move(plan));
  std::string problem;
  if (wanted.on_used_connection) problem = ask_next(client, "f", "GET");
  if (wanted.refuses) backend_->refuse();
  records_ = exchanges_.size();
  client.wire().plan(wanted.client);
  client.ask(wanted.question, id_);
  return problem;
}

// Works until the client has a response or a failure. The bystander gets its response once the
// fault has happened.
std::string FaultMatrix::go_on(const Case& wanted, AskingClient& client, AskingClient& bystander) {
  backend_->work();
  client.send_rest();
  client_sent_ = client.wire().gone();
  for (int i = 0; i < kMaxBuffers; ++i) {
    (void)client.wire().is_dead();  // sends as much as possible
    backend_->work();
  }
  planned_sent_ = backend_->gone();
  backend_->answer_waiting();
  const Received other = bystander.answer();
  // Whether the fault may affect the bystander: the connection is shared, or does not exist yet.
  const bool may_suffer =
      wanted.refuses || wanted.backend.way == Way::refuse || protocols_.backend == Protocol::h2;
  const auto is_right = [&](const Received& it) {
    return it.is_whole() && it.status == 200 && it.body == content_of(id_of("b"), 23);
  };
  bystander_whole_ = is_right(other);
  if (!bystander_whole_ && !may_suffer) return "another client got " + describe(other);
  if (wanted.leaving != Way::none) {
    client.wire().end(wanted.leaving);
    backend_->work();
  }
  received_ = wait_for(client);
  backend_sent_ = backend_->gone();
  backend_closed_ = backend_->closed_in_order();
  count();
  if (bystander_whole_) return {};
  // The fault has hit the bystander's connection, or the bystander has none.
  const Received late = wait_for(bystander);
  bystander_whole_ = late.is_whole();
  const bool failed = late.end == Received::End::broken || late.status == 502 || late.status == 504;
  return failed || is_right(late) ? std::string() : "a request beside it got " + describe(late);
}

Received FaultMatrix::wait_for(AskingClient& client) {
  Received received = client.answer();
  for (const auto step : kSteps) {
    if (received.end != Received::End::open) break;
    network_.advance(step);
    backend_->release();
    client.wire().release();
    backend_->work();
    received = client.answer();
  }
  return received;
}

void FaultMatrix::count() {
  if (received_.end == Received::End::broken) ++broken_;
  if (received_.is_whole()) ++(is_own_failure() ? failures_ : whole_);
}

// --- what comes afterwards ---------------------------------------------------------------------

std::string FaultMatrix::ask_next(AskingClient& client,
                                  std::string_view what,
                                  std::string_view method) {
  const std::string id = id_of(what);
  const Question question{"next", method, method == "POST" ? std::size_t{4} : 0};
  client.ask(question, id);
  backend_->work();
  network_.advance(1s);  // connecting may be retried
  backend_->work();
  const Received got = client.answer();
  const bool right = got.is_whole() && got.status == 200 && value_of(got.fields, "x-id") == id &&
                     got.body == content_of(id, 23);
  const int arrivals = backend_->arrivals(id);
  if (right && (arrivals == 1 || method == "GET")) return {};
  return "a " + std::string(method) + " after it came " + std::to_string(arrivals) +
         " times and got " + describe(got);
}

std::string FaultMatrix::ask_more(AskingClient& client) {
  std::string problem;
  const bool is_free = received_.end != Received::End::open && has_ended_;
  if (is_free && !client.wire().is_over() && client.goes_on()) {
    problem = ask_next(client, "fp", "POST");
    if (problem.empty()) problem = ask_next(client, "fg", "GET");
  }
  const auto another = connect();
  if (problem.empty()) problem = ask_next(*another, "fq", "POST");
  if (problem.empty()) problem = ask_next(*another, "fh", "GET");
  return problem;
}

std::string FaultMatrix::judge_rest() {
  backend_->work();
  network_.advance(kIdle);
  backend_->work();
  const Transport::Statistics now = transport_->statistics();
  const std::size_t open = backend_->open_connections();
  if (now.open == 0 && now.idle == 0 && open == 0) return {};
  return "it has left " + std::to_string(now.open) + " connections, " + std::to_string(open) +
         " for the backend";
}

// --- everywhere --------------------------------------------------------------------------------

std::vector<std::string> FaultMatrix::run_everywhere(Case wanted,
                                                     Place place,
                                                     const std::vector<Way>& ways) {
  std::vector<std::string> problems;
  const auto try_it = [&] {
    std::string problem = run(wanted);
    if (!problem.empty()) problems.push_back(std::move(problem));
    return problems.size() < kMaxProblems;
  };
  request_ = response_ = 0;
  wanted.*place = Fault();
  if (!try_it() || !problems.empty()) return problems;
  const bool of_backend = place == &Case::backend;
  const std::string pattern = of_backend ? planned_sent_ : client_sent_;
  request_ = client_sent_.size();
  response_ = planned_sent_.size();
  for (std::size_t at = 0; at <= pattern.size(); at += step(at, pattern.size())) {
    for (const Way way : ways) {
      (wanted.*place) = Fault{way, at};
      const bool needs_more = way == Way::garble || way == Way::stall || way == Way::delay;
      if (at == pattern.size() && needs_more) continue;
      if (way != Way::garble) {
        if (!try_it()) return problems;
        continue;
      }
      for (const char byte : garbled(pattern[at])) {
        (wanted.*place).byte = byte;
        if (!try_it()) return problems;
      }
    }
  }
  return problems;
}

std::vector<std::string> FaultMatrix::leave_everywhere(Case wanted, const std::vector<Way>& ways) {
  std::vector<std::string> problems;
  request_ = response_ = 0;
  std::string problem = run(wanted);
  if (!problem.empty()) problems.push_back(std::move(problem));
  const std::size_t size = planned_sent_.size();
  for (std::size_t at = 0; at <= size && problems.size() < kMaxProblems; at += step(at, size)) {
    wanted.backend = Fault{Way::delay, at};
    for (const Way way : ways) {
      wanted.leaving = way;
      problem = run(wanted);
      if (!problem.empty()) problems.push_back(std::move(problem));
    }
  }
  return problems;
}

}  // namespace onehop::test
