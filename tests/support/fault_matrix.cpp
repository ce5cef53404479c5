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

using Kind = Question::Kind;

constexpr std::size_t kMostProblems = 5;
// The largest content is as many times what a connection in memory holds.
constexpr int kMostBuffers = 4;
// What passes until the last of all timeouts has; what is delayed goes out after the first.
constexpr std::array<std::chrono::nanoseconds, 8> kSteps = {200ms, 1s, 1s, 11s, 11s, 20s, 61s, 61s};
// Until idle connections to the backend are closed.
constexpr auto kIdle = 10s;
constexpr std::string_view kTunnelled = "from the tunnel";

std::string describe(const FaultMatrix::Case& wanted) {
  const auto fault = [](const Fault& it) {
    return std::string(name_of(it.way)) + " at " + std::to_string(it.at) +
           (it.way == Way::garble ? " (" + std::to_string(int{it.octet}) + ")" : std::string());
  };
  return std::string(wanted.question.name) + ", " + std::string(wanted.answer.name) +
         ", backend: " + fault(wanted.backend) + ", client: " + fault(wanted.client) +
         (wanted.on_used_connection ? ", used" : "") + ": ";
}

// The fields whose names begin with x-, in order.
Lines own_fields(const Lines& lines) {
  Lines own;
  std::copy_if(lines.begin(), lines.end(), std::back_inserter(own),
               [](const auto& line) { return line.first.starts_with("x-"); });
  return own;
}

// With one octet at most that is another.
bool resembles(std::string_view body, std::string_view content) {
  if (body.size() != content.size()) return false;
  int different = 0;
  for (std::size_t i = 0; i < body.size(); ++i)
    different += body[i] != content[i] ? 1 : 0;
  return different <= 1;
}

// What an octet may be turned into: another digit or letter, the other case, one that is no text,
// and those that mean something to a parser.
std::set<char> garbled(char octet) {
  std::set<char> others;
  for (const int mask : {0x01, 0x20, 0x80})
    others.insert(static_cast<char>(octet ^ mask));
  for (const char other : {'\0', '\r', '\n', ' '})
    others.insert(other);
  others.erase(octet);
  return others;
}

}  // namespace

FaultMatrix::FaultMatrix(Protocols protocols)
    : protocols_(protocols), backend_(AnsweringBackend::make(protocols.backend, network_)) {
  network_.listen("backend:80");
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

// All of the same length, so that an octet has its place in every case.
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
  problem = go_on(*client, *bystander, wanted.leaving);
  if (problem.empty()) problem = judge(wanted, *client);
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
  records_ = exchanges_.size();
  client.wire().plan(wanted.client);
  client.ask(wanted.question, id_);
  return problem;
}

// Until the client has an answer or a failure. The other request is answered as soon as the fault
// has happened.
std::string FaultMatrix::go_on(AskingClient& client, AskingClient& bystander, Way leaving) {
  backend_->work();
  client.send_rest();
  client_sent_ = client.wire().gone();
  for (int i = 0; i < kMostBuffers; ++i) {
    (void)client.wire().is_dead();  // sends what there is room for
    backend_->work();
  }
  planned_sent_ = backend_->gone();
  backend_->answer_waiting();
  const Received other = bystander.answer();
  const bool shared = protocols_.backend == Protocol::h2;
  const auto is_right = [&](const Received& it) {
    return it.is_whole() && it.status == 200 && it.body == content_of(id_of("b"), 23);
  };
  bystander_whole_ = is_right(other);
  if (!bystander_whole_ && !shared) return "another client got " + describe(other);
  if (leaving != Way::none) {
    client.wire().end(leaving);
    backend_->work();
  }
  received_ = wait_for(client);
  backend_sent_ = backend_->gone();
  backend_closed_ = backend_->closed_in_order();
  count();
  if (bystander_whole_) return {};
  // The fault was its connection's, too.
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

// --- what has come of it -----------------------------------------------------------------------

std::string FaultMatrix::judge(const Case& wanted, AskingClient& client) {
  std::string problem = judge_requests(wanted, client);
  const bool stays = wanted.client.way == Way::none && wanted.leaving == Way::none;
  if (problem.empty() && stays) problem = judge_answer(wanted);
  if (problem.empty()) problem = judge_record(wanted);
  const bool is_there = !client.wire().is_over() || wanted.client.way == Way::stall;
  const bool waits = is_there && received_.end == Received::End::open;
  if (problem.empty() && waits && wanted.question.kind != Kind::upgrades)
    problem = "the client got neither an answer nor a failure";
  return problem.empty() ? problem : problem + " (" + describe(received_) + ")";
}

bool FaultMatrix::is_own_failure() const {
  const bool is_status = received_.status == 502 || received_.status == 503 ||
                         received_.status == 504 || received_.status == 400 ||
                         received_.status == 408;
  return received_.is_whole() && is_status && value_of(received_.fields, "x-id").empty();
}

// As it would be without a fault.
bool FaultMatrix::is_whole_answer(const Case& wanted) const {
  if (value_of(received_.fields, "x-id") != id_) return false;
  if (wanted.question.kind == Kind::upgrades) {
    const int status = protocols_.client == Protocol::h1 ? 101 : 200;
    return received_.status == status && kTunnelled.starts_with(received_.body);
  }
  // Only the first answer is the planned one.
  const bool is_second = backend_->arrivals(id_) > 1;
  const bool is_nothing = wanted.answer.framing == Answer::Framing::nothing && !is_second;
  const bool is_empty = wanted.question.method == "HEAD" || is_nothing;
  const int status = is_nothing ? 204 : 200;
  return received_.is_whole() && received_.status == status &&
         received_.body == content_of(id_, is_empty ? 0 : 23);
}

// The one that its octets amount to, whatever the fault has made of them.
bool FaultMatrix::is_answer_of_h1(const Case& wanted) const {
  const H1Message sent = read_h1_response(backend_sent_, wanted.question.method, backend_closed_);
  return sent.is_whole() && received_.is_whole() && received_.status == sent.status &&
         received_.body == sent.body && own_fields(received_.fields) == own_fields(sent.fields);
}

bool FaultMatrix::is_answer_of_h2(const Case& wanted) const {
  if (wanted.backend.way != Way::garble || !received_.is_whole()) return false;
  // Without a length only the frames say where it ends, and one of them is another now.
  if (wanted.answer.framing != Answer::Framing::length) return true;
  const std::string content = content_of(id_, wanted.question.method == "HEAD" ? 0 : 23);
  return received_.status >= 200 && received_.status != 502 && received_.status != 504 &&
         resembles(received_.body, content);
}

std::string FaultMatrix::judge_answer(const Case& wanted) const {
  const bool by_end = wanted.answer.framing == Answer::Framing::until_close;
  const Way way = wanted.backend.way;
  const bool harmless =
      way == Way::none || way == Way::delay ||
      (response_ > 0 && wanted.backend.at >= response_ && way != Way::garble && !by_end);
  if (is_whole_answer(wanted)) return {};
  if (harmless) return "this had to be a whole answer";
  if (received_.end == Received::End::broken || is_own_failure()) return {};
  if (wanted.question.kind == Kind::upgrades && received_.end == Received::End::open) return {};
  const bool is_theirs =
      protocols_.backend == Protocol::h1 ? is_answer_of_h1(wanted) : is_answer_of_h2(wanted);
  return is_theirs ? std::string() : "this is no answer of the backend's, and no failure";
}

std::string FaultMatrix::judge_requests(const Case& wanted, AskingClient& client) const {
  const int most = wanted.question.method == "POST" ? 1 : 3;
  if (backend_->arrivals(id_) > most)
    return "it was delivered " + std::to_string(backend_->arrivals(id_)) + " times";
  const std::string content = content_of(id_, wanted.question.size);
  for (const auto& [id, request] : backend_->requests()) {
    if (id.starts_with("b") || id.starts_with("f")) continue;
    if (wanted.client.way != Way::garble) {
      if (request.body != content) return "its content arrived as " + request.body.substr(0, 100);
      continue;
    }
    if (protocols_.client == Protocol::h1) {
      const H1Message sent = read_h1_request(client.wire().gone());
      if (!sent.is_whole()) return "what is no request was delivered as one";
      if (request.method != sent.method || request.body != sent.body)
        return "it arrived as " + request.method + " " + request.body.substr(0, 100);
    } else if (wanted.question.kind != Kind::chunked && !resembles(request.body, content)) {
      return "its content arrived as " + request.body.substr(0, 100);
    }
  }
  const bool was_cut = wanted.client.way != Way::none && wanted.client.way != Way::garble &&
                       wanted.client.way != Way::delay && wanted.client.at < request_;
  const bool complete = backend_->requests().contains(id_);
  if (was_cut && complete) return "what was cut arrived as complete";
  return {};
}

// The record and the client say the same.
std::string FaultMatrix::judge_record(const Case& wanted) {
  // Of what is garbled there may be two, or none, and the connection may be of no more use.
  has_ended_ = wanted.client.way != Way::garble;
  if (!has_ended_) return {};
  const std::size_t more = exchanges_.size() - records_;
  // A backend that has sent the content it announced may still fail to end it.
  const bool stays = wanted.client.way == Way::none && wanted.leaving == Way::none;
  if (!stays || wanted.question.kind == Kind::upgrades) return {};
  const bool may_be_fewer = wanted.backend.way == Way::garble;
  has_ended_ = more == 2;
  if (!has_ended_ && !(more == 1 && may_be_fewer))
    return std::to_string(more) + " records, one of them of a request beside it";
  std::size_t complete = 0;
  for (std::size_t i = records_; i < exchanges_.size(); ++i)
    complete += exchanges_.at(i).outcome == Outcome::complete ? 1 : 0;
  const std::size_t seen = (received_.is_whole() ? 1U : 0U) + (bystander_whole_ ? 1U : 0U);
  if (complete == seen || (may_be_fewer && complete < seen)) return {};
  return std::to_string(complete) + " of 2 are recorded as complete, and " + std::to_string(seen) +
         " were";
}

// --- what comes afterwards ---------------------------------------------------------------------

std::string FaultMatrix::ask_next(AskingClient& client,
                                  std::string_view what,
                                  std::string_view method) {
  const std::string id = id_of(what);
  const Question question{"next", method, method == "POST" ? std::size_t{4} : 0};
  client.ask(question, id);
  backend_->work();
  network_.advance(1s);  // connecting may be tried again
  backend_->work();
  const Received got = client.answer();
  const bool right = got.is_whole() && got.status == 200 && value_of(got.fields, "x-id") == id &&
                     got.body == content_of(id, 23);
  const int arrivals = backend_->arrivals(id);
  if (right && (arrivals == 1 || method == "GET")) return {};
  return "a " + std::string(method) + " behind it came " + std::to_string(arrivals) +
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
    return problems.size() < kMostProblems;
  };
  request_ = response_ = 0;
  wanted.*place = Fault();
  if (!try_it() || !problems.empty()) return problems;
  const bool of_backend = place == &Case::backend;
  const std::string pattern = of_backend ? planned_sent_ : client_sent_;
  request_ = client_sent_.size();
  response_ = planned_sent_.size();
  for (std::size_t at = 0; at <= pattern.size(); ++at) {
    for (const Way way : ways) {
      (wanted.*place) = Fault{way, at};
      const bool needs_more = way == Way::garble || way == Way::stall || way == Way::delay;
      if (at == pattern.size() && needs_more) continue;
      if (way != Way::garble) {
        if (!try_it()) return problems;
        continue;
      }
      for (const char octet : garbled(pattern[at])) {
        (wanted.*place).octet = octet;
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
  for (std::size_t at = 0; at <= size && problems.size() < kMostProblems; ++at) {
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
