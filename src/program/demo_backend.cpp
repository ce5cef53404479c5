// SPDX-License-Identifier: Apache-2.0
#include "program/demo_backend.hpp"

#include <onehop/scope.hpp>

#include "program/demo_page.hpp"
#include "program/websocket_echo.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::program {
namespace {

// One piece of text after each interval; ends after `count` of them.
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

Response page(const Request& request) {
  if (wants_html(request)) {
    return with_type(Response(Status::ok, demo_page_html(request)), "text/html; charset=utf-8");
  }
  return with_type(Response(Status::ok, demo_page_text(request)), "text/plain; charset=utf-8");
}

Response stream() {
  Response response(Status::ok);
  response.set_body(
      Body::from(std::make_unique<Ticking>(std::chrono::milliseconds(300), 20, line_text)));
  // Without this a browser waits for a kilobyte before it shows plain text.
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

// The answer begins while the question is still coming in.
Response echo(Request& request) {
  if (request.method() != Method::post && request.method() != Method::put) {
    Response refusal(Status::method_not_allowed, "POST something here and it comes back.\n");
    refusal.headers().set("Allow", "POST, PUT");
    return with_type(std::move(refusal), "text/plain; charset=utf-8");
  }
  const std::string type(
      request.headers().get("Content-Type").value_or("application/octet-stream"));
  Response response(Status::ok);
  response.set_body(std::move(request.body()));
  return with_type(std::move(response), type);
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

Response answer(Request request) {
  const std::string_view path = request.url().path();
  if (path == "/") return page(request);
  if (path == "/stream") return stream();
  if (path == "/events") return events();
  if (path == "/echo") return echo(request);
  if (path == "/ws") return websocket_echo(request);
  return not_found(request);
}

}  // namespace

std::shared_ptr<const Handler> make_demo_backend() {
  return make_handler(answer);
}

}  // namespace onehop::program
