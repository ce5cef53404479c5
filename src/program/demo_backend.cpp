// SPDX-License-Identifier: Apache-2.0
#include "program/demo_backend.hpp"

#include <onehop/scope.hpp>

#include "program/demo_page.hpp"
#include "program/websocket_echo.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::program {
namespace {

// Sends a piece of text after each interval, `count` times.
class Ticking final : public BodySource {
 public:
  using Text = std::string (*)(int number);

  Ticking(std::chrono::milliseconds interval, int count, Text text)
      : interval_(interval), count_(count), text_(text) {}

  task<Result<bytes>> read() override {
    if (number_ == count_) co_return bytes();
    if (number_ > 0) co_await sleep_for(interval_);
    piece_ = text_(++number_);
    co_return bytes(piece_);
  }

 private:
  std::chrono::milliseconds interval_;
  int count_;
  Text text_;
  int number_ = 0;
  std::string piece_;
};

std::string line_text(int number) {
  return "line " + std::to_string(number) + " of 20, sent as soon as it was written\n";
}

std::string event_text(int number) {
  return "id: " + std::to_string(number) + "\ndata: tick " + std::to_string(number) + "\n\n";
}

Response with_type(Response response, std::string_view type) {
  response.headers().set("Content-Type", type);
  response.headers().set("Cache-Control", "no-store");
  return response;
}

bool wants_html(const Request& request) {
  return request.headers().get_or_empty("Accept").find("text/html") != std::string_view::npos;
}

Response page(const Request& request, const std::string& dashboard) {
  if (wants_html(request)) {
    return with_type(Response(Status::ok, demo_page_html(request, dashboard)),
                     "text/html; charset=utf-8");
  }
  return with_type(Response(Status::ok, demo_page_text(request)), "text/plain; charset=utf-8");
}

Response stream() {
  Response response(Status::ok);
  response.set_body(
      Body::from(std::make_unique<Ticking>(std::chrono::milliseconds(300), 20, line_text)));
  // Without this field, browsers buffer a kilobyte of plain text before they show it.
  response.headers().set("X-Content-Type-Options", "nosniff");
  return with_type(std::move(response), "text/plain; charset=utf-8");
}

Response events() {
  constexpr int kWithoutEnd = -1;
  Response response(Status::ok);
  response.set_body(
      Body::from(std::make_unique<Ticking>(std::chrono::seconds(1), kWithoutEnd, event_text)));
  return with_type(std::move(response), "text/event-stream");
}

// Sends the content of the request as the content of the response.
class Echo final : public BodySource {
 public:
  explicit Echo(Body body) : body_(std::move(body)) {}

  // Waits for the first piece. Reading makes the server send 100 Continue to a client that waits
  // for it (RFC 9110 §10.1.1), which is not possible after the response has begun.
  task<Result<void>> begin() {
    auto first = co_await body_.read();
    if (!first) co_return failure(first.error());
    first_ = *first;
    co_return Result<void>();
  }

  task<Result<bytes>> read() override {
    if (first_) co_return *std::exchange(first_, std::nullopt);
    co_return co_await body_.read();
  }
  std::optional<std::uint64_t> length() const override { return body_.length(); }
  const Headers& trailers() const override { return body_.trailers(); }

 private:
  Body body_;
  std::optional<bytes> first_;
};

Response only_post() {
  Response refusal(Status::method_not_allowed, "POST something here and it comes back.\n");
  refusal.headers().set("Allow", "POST, PUT");
  return with_type(std::move(refusal), "text/plain; charset=utf-8");
}

// The response begins while the request is still arriving.
task<Response> echo(Request request) {
  if (request.method() != Method::post && request.method() != Method::put) co_return only_post();
  const std::string type(
      request.headers().get("Content-Type").value_or("application/octet-stream"));
  Response response(Status::ok);
  if (!request.body().is_empty()) {
    auto source = std::make_unique<Echo>(std::move(request.body()));
    auto begun = co_await source->begin();
    if (!begun) co_return Response(Status::bad_request, "The body ended early.\n");
    response.set_body(Body::from(std::move(source)));
  }
  co_return with_type(std::move(response), type);
}

Response not_found(const Request& request) {
  if (wants_html(request)) {
    return with_type(Response(Status::not_found, demo_not_found_html(request)),
                     "text/html; charset=utf-8");
  }
  return with_type(
      Response(Status::not_found, "There is no " + std::string(request.url().path()) +
                                      " here. Try /, /stream, /events, /echo or /ws.\n"),
      "text/plain; charset=utf-8");
}

class DemoBackend final : public Handler {
 public:
  explicit DemoBackend(std::shared_ptr<const DashboardLink> link) : link_(std::move(link)) {}

  task<Response> serve(Request request) const override {
    const std::string_view path = request.url().path();
    if (path == "/echo") co_return co_await echo(std::move(request));
    if (path == "/") co_return page(request, link_ ? link_->url() : std::string());
    if (path == "/stream") co_return stream();
    if (path == "/events") co_return events();
    if (path == "/ws") co_return websocket_echo(request);
    co_return not_found(request);
  }

 private:
  std::shared_ptr<const DashboardLink> link_;
};

}  // namespace

void DashboardLink::set(std::string url) {
  const std::lock_guard lock(mutex_);
  url_ = std::move(url);
}

std::string DashboardLink::url() const {
  const std::lock_guard lock(mutex_);
  return url_;
}

std::shared_ptr<const Handler> make_demo_backend(std::shared_ptr<const DashboardLink> link) {
  return std::make_shared<const DemoBackend>(std::move(link));
}

}  // namespace onehop::program
