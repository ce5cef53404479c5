// SPDX-License-Identifier: Apache-2.0
#include <onehop/testing.hpp>

#include "http/field_names.hpp"
#include "io/reactor.hpp"
#include "testing/driven_task.hpp"

#include <limits>
#include <stdexcept>

namespace onehop::testing {

void detail::run_to_end(Work& work) {
  io::Reactor reactor;
  io::Reactor::Enter enter(reactor);
  DrivenTask driven(reactor, work);
  if (driven.start()) return;
  while (!driven.has_ended())
    reactor.run_once(io::Duration::max());
}

Request request(std::string_view method_and_target,
                std::initializer_list<Field> fields,
                std::string content) {
  const std::size_t space = method_and_target.find(' ');
  const auto method = Method::parse(method_and_target.substr(0, space));
  if (space == std::string_view::npos || !method) {
    throw std::invalid_argument("a request begins with a method and a target: GET /");
  }
  const std::string_view target = method_and_target.substr(space + 1);
  auto url =
      target.find("://") == std::string_view::npos ? Url::parse_target(target) : Url::parse(target);
  if (!url) throw std::invalid_argument(url.error().to_string());
  Headers headers(fields);
  if (!headers.has(field::host)) {
    headers.add(field::host, url->is_absolute() ? url->authority() : "test.example");
  }
  return Request(*method, std::move(*url), std::move(headers), Body::of(std::move(content)));
}

namespace {

// WholeBody is content that has been read completely, with its trailers.
class WholeBody final : public BodySource {
 public:
  WholeBody(std::string text, Headers trailers)
      : text_(std::move(text)), trailers_(std::move(trailers)) {}

  task<Result<bytes>> read() override {
    co_return std::exchange(given_, true) ? bytes() : bytes(text_);
  }
  std::optional<std::uint64_t> length() const override { return text_.size(); }
  const Headers& trailers() const override { return trailers_; }

 private:
  std::string text_;
  Headers trailers_;
  bool given_ = false;
};

task<Response> serve_whole(const Handler& handler, Request request) {
  Response response = co_await handler.serve(std::move(request));
  auto text = co_await response.body().read_all(std::numeric_limits<std::size_t>::max());
  if (!text) throw std::runtime_error("the body broke off: " + text.error().to_string());
  Headers trailers = response.body().trailers().clone();
  if (trailers.empty()) {
    response.body() = Body::of(std::move(*text));
  } else {
    response.body() =
        Body::from(std::make_unique<WholeBody>(std::move(*text), std::move(trailers)));
  }
  co_return response;
}

}  // namespace

Response serve(const Handler& handler, Request request) {
  return run(serve_whole(handler, std::move(request)));
}

Response serve(const Handler& handler, std::string_view method_and_target) {
  return serve(handler, request(method_and_target));
}

std::string text_of(Response& response) {
  auto text = run(response.body().read_all(std::numeric_limits<std::size_t>::max()));
  if (!text) throw std::runtime_error(text.error().to_string());
  return std::move(*text);
}

struct Recorder::State {
  Status status;
  std::string text;
  std::size_t count = 0;
  Request last;
  std::string content;
};

Recorder::Recorder(Status status, std::string text) : state_(std::make_unique<State>()) {
  state_->status = status;
  state_->text = std::move(text);
}
Recorder::~Recorder() = default;

task<Response> Recorder::serve(Request request) const {
  State& state = *state_;
  auto content = co_await request.body().read_all(std::numeric_limits<std::size_t>::max());
  ++state.count;
  state.content = content ? std::move(*content) : std::string();
  state.last = std::move(request);
  co_return Response(state.status, state.text);
}

std::size_t Recorder::count() const noexcept {
  return state_->count;
}

const Request& Recorder::last() const {
  if (state_->count == 0) throw std::out_of_range("the recorder was never called");
  return state_->last;
}

const std::string& Recorder::last_content() const {
  return state_->content;
}

std::shared_ptr<Recorder> recorder(Status status, std::string text) {
  return std::make_shared<Recorder>(status, std::move(text));
}

struct RecordingRoundTripper::State {
  Respond respond;
  std::shared_ptr<const RoundTripper> next;
  std::shared_ptr<Requests> requests = std::make_shared<Requests>();
};

// RecordedBody records content as it is read. It does not hold `next`, which may hold the request.
class RecordingRoundTripper::RecordedBody final : public BodySource {
 public:
  // `body` is the content of the last of `requests`.
  RecordedBody(Body body, std::shared_ptr<Requests> requests)
      : body_(std::move(body)), requests_(std::move(requests)), index_(requests_->size() - 1) {}

  task<Result<bytes>> read() override {
    auto piece = co_await body_.read();
    if (piece) (*requests_)[index_].content += *piece;
    co_return piece;
  }
  std::optional<std::uint64_t> length() const override { return body_.length(); }
  const Headers& trailers() const override { return body_.trailers(); }

 private:
  Body body_;
  std::shared_ptr<Requests> requests_;
  std::size_t index_;
};

RecordingRoundTripper::RecordingRoundTripper(Status status, std::string text)
    : RecordingRoundTripper([status, text = std::move(text)](const Request&) {
        return Result<Response>(std::in_place, status, text);
      }) {}

RecordingRoundTripper::RecordingRoundTripper(Respond respond) : state_(std::make_shared<State>()) {
  if (!respond) throw std::invalid_argument("RecordingRoundTripper: the function is empty");
  state_->respond = std::move(respond);
}

RecordingRoundTripper::RecordingRoundTripper(std::shared_ptr<const RoundTripper> next)
    : state_(std::make_shared<State>()) {
  if (!next) throw std::invalid_argument("RecordingRoundTripper: the round tripper is null");
  state_->next = std::move(next);
}

RecordingRoundTripper::~RecordingRoundTripper() = default;

task<Result<Response>> RecordingRoundTripper::round_trip(Request request) const {
  State& state = *state_;
  Result<std::string> content;
  if (!state.next) {
    auto reading = request.body().read_all(std::numeric_limits<std::size_t>::max());
    content = co_await std::move(reading);
  }
  state.requests->push_back({request.method(), request.url().to_string(), request.headers().clone(),
                             content.value_or(std::string())});
  if (!content) co_return failure(content.error());
  if (!state.next) co_return state.respond(request);
  if (!request.body().is_empty()) {
    auto recorded = std::make_unique<RecordedBody>(std::move(request.body()), state.requests);
    request.set_body(Body::from(std::move(recorded)));
  }
  auto forwarded = state.next->round_trip(std::move(request));
  co_return co_await std::move(forwarded);
}

const std::vector<RecordingRoundTripper::Recorded>& RecordingRoundTripper::requests()
    const noexcept {
  return *state_->requests;
}

const RecordingRoundTripper::Recorded& RecordingRoundTripper::last() const {
  if (state_->requests->empty()) throw std::out_of_range("the round tripper was never asked");
  return state_->requests->back();
}

}  // namespace onehop::testing
