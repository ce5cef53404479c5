// SPDX-License-Identifier: Apache-2.0
//
// Runs whole exchanges with an HTTP/1 upstream: a Transport sends requests, and arbitrary bytes
// come back in any pieces. The responses must be those that a strict reader finds in the bytes, and
// a truncated response must not look complete. Input: four bytes for the requests, then a script
// (session/script.hpp).

#include <onehop/testing.hpp>

#include "base/check.hpp"
#include "head_fuzz.hpp"
#include "session/h1_messages.hpp"
#include "session/peer.hpp"
#include "session/script.hpp"

#include <optional>
#include <set>
#include <vector>

namespace onehop::fuzz {
namespace {

using namespace onehop::literals;      // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using End = H1Message::End;

constexpr std::size_t kOptions = 4;

// The outcome of one request.
struct Answer {
  Method method;
  bool has_head = false;
  bool complete = false;
  bool tunnel = false;
  Status status;
  std::string fields;
  std::string content;
};

// Sends the requests that the options describe and records the outcomes.
class Asking final : public Handler {
 public:
  Asking(std::string_view options, std::shared_ptr<const Transport> transport)
      : options_(options), transport_(std::move(transport)) {}

  task<Response> serve(Request trigger) const override;
  std::vector<Answer>& answers() const noexcept { return answers_; }

 private:
  Request next(std::size_t index) const;

  std::string_view options_;
  std::shared_ptr<const Transport> transport_;
  mutable std::vector<Answer> answers_;
};

Request Asking::next(std::size_t index) const {
  const Action choice{0, 0, options_.substr(index % kOptions, 1)};
  const Method kMethods[] = {Method::get, Method::head, Method::post, Method::put};
  Request request(kMethods[choice.at(0) % 4U], "http://up/"_url);
  request.headers().add("x-index", std::to_string(index));
  if (choice.has_bit(0, 2)) request.headers().add("TE", "trailers");
  if (choice.has_bit(0, 3)) request.headers().add("Upgrade", "websocket");
  if (choice.has_bit(0, 4)) request.set_body(Body::of("hello"));
  return request;
}

task<Response> Asking::serve(Request) const {
  const std::size_t index = answers_.size();
  Request request = next(index);
  answers_.emplace_back().method = request.method();
  auto response = co_await transport_->round_trip(std::move(request));
  if (!response) co_return Response(Status::bad_gateway);
  {
    Answer& answer = answers_[index];
    answer.has_head = true;
    answer.status = response->status();
    answer.fields = kept_fields(response->headers());
    answer.tunnel = response->tunnel() != nullptr;
  }
  for (;;) {
    auto piece = co_await response->body().read();
    if (!piece) break;
    Answer& answer = answers_[index];
    answer.complete = piece->empty();
    if (answer.complete) break;
    answer.content += *piece;
  }
  co_return Response(Status::ok);
}

// A connection to the upstream.
struct Upstream {
  explicit Upstream(testing::Wire w) : wire(std::move(w)) {}

  struct Request {
    std::size_t index;
    std::size_t began;  // bytes sent before it was open
    bool asked_again = false;
  };
  void receive();

  testing::Wire wire;
  std::string received;
  std::size_t parsed = 0;    // bytes of complete requests
  std::size_t complete = 0;  // requests
  bool is_tunnel = false;    // the bytes received are not HTTP
  std::string sent;
  std::vector<Request> requests;
  bool half_closed = false;
  bool reset = false;
};

void Upstream::receive() {
  const std::string data = wire.receive();
  if (data.empty() || is_tunnel) return;
  trace("an upstream", 0, "receives", data);
  received += data;
  while (parsed < received.size()) {
    std::string_view rest = std::string_view(received).substr(parsed);
    const H1Message message = take_request(rest);
    ONEHOP_CHECK(!message.malformed);
    if (!message.has_head()) return;
    if (requests.size() == complete) {
      requests.push_back(
          {std::stoul(std::string(message.headers.get_or_empty("x-index"))), sent.size()});
    }
    is_tunnel = message.headers.has("Upgrade");
    if (is_tunnel || message.end != End::complete) return;
    parsed = received.size() - rest.size();
    ++complete;
  }
}

void check(const Upstream& upstream, const std::vector<Answer>& answers) {
  for (std::size_t i = 0; i < upstream.requests.size(); ++i) {
    const auto& request = upstream.requests[i];
    const Answer& answer = answers.at(request.index);
    if (!answer.has_head || request.asked_again) continue;
    std::string_view data = std::string_view(upstream.sent).substr(request.began);
    const H1Message message = take_response(data, answer.method);
    ONEHOP_CHECK(message.has_head());
    ONEHOP_CHECK(answer.status == message.status);
    ONEHOP_CHECK(answer.fields == kept_fields(message.headers));
    if (answer.tunnel) continue;
    ONEHOP_CHECK(message.content.starts_with(answer.content));
    if (!answer.complete) continue;
    const bool ended = upstream.half_closed;
    ONEHOP_CHECK(!message.malformed);
    ONEHOP_CHECK(message.end == End::complete || (message.end == End::connection && ended));
    ONEHOP_CHECK(answer.content == message.content);
    // Another request follows only if no bytes were left over.
    if (i + 1 < upstream.requests.size())
      ONEHOP_CHECK(upstream.sent.size() - data.size() == upstream.requests[i + 1].began);
  }
}

class World {
 public:
  explicit World(std::string_view options);
  void run(Script script);

 private:
  void ask();
  void accept();
  void act(const Action& action);
  void record_repetitions();

  testing::Network network_;
  std::shared_ptr<const Transport> transport_;
  std::shared_ptr<Asking> asking_;
  std::optional<testing::Wire> client_;
  std::vector<std::unique_ptr<Upstream>> upstreams_;
};

World::World(std::string_view options) {
  network_.listen("up:80");
  Transport::Options transport = network_.transport_options();
  transport.response_timeout = 20s;
  transport.max_response_header_bytes = 4096;
  transport_ = std::make_shared<Transport>(transport);
  asking_ = std::make_shared<Asking>(options, transport_);
  Server::Options server;
  server.on_exchange_end = [](const ExchangeRecord&) {};
  network_.serve("front:80", asking_, server);
  client_ = network_.connect("front:80");
}

void World::ask() {
  client_->send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  accept();
}

void World::accept() {
  while (upstreams_.size() < transport_->statistics().dialled)
    upstreams_.push_back(std::make_unique<Upstream>(network_.accept("up:80")));
  for (const auto& each : upstreams_)
    each->receive();
}

void World::act(const Action& action) {
  if (upstreams_.empty()) return;
  Upstream& upstream = *upstreams_.back();
  switch (action.kind % 8U) {
    case 5:
      return ask();
    case 6:
      return network_.advance(std::chrono::milliseconds(std::uint64_t{1} << (action.choice % 16U)));
    case 7:
      if (action.choice % 4U == 0) {
        trace("upstream", upstreams_.size(), "resets", {});
        upstream.reset = !upstream.half_closed;
        upstream.wire.reset();
      } else {
        trace("upstream", upstreams_.size(), "closes its half", {});
        upstream.half_closed = true;
        upstream.wire.close_write();
      }
      return;
    default:
      if (upstream.half_closed || upstream.reset) return;
      trace("upstream", upstreams_.size(), "sends", action.data);
      upstream.wire.send(action.data);
      upstream.sent += action.data;
  }
}

// Marks repeated requests: the response is that of the last connection.
void World::record_repetitions() {
  std::set<std::size_t> later;
  for (auto upstream = upstreams_.rbegin(); upstream != upstreams_.rend(); ++upstream) {
    for (Upstream::Request& request : (*upstream)->requests)
      request.asked_again = !later.insert(request.index).second;
  }
}

void World::run(Script script) {
  ask();
  while (const auto action = script.next()) {
    act(*action);
    accept();
  }
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    Upstream& upstream = *upstreams_[i];
    upstream.receive();
    upstream.wire.close();
    if (!upstream.reset) upstream.half_closed = true;
    network_.advance(10min);
    accept();
  }
  client_->close();
  network_.advance(10min);
  ONEHOP_CHECK(transport_->statistics().open == 0);
  record_repetitions();
  for (const auto& each : upstreams_)
    check(*each, asking_->answers());
}

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.size() < kOptions) return;
  World world(input.substr(0, kOptions));
  world.run(Script(input.substr(kOptions)));
}

}  // namespace onehop::fuzz
