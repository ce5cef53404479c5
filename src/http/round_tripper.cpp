// SPDX-License-Identifier: Apache-2.0

#include <onehop/round_tripper.hpp>

#include "base/exception_text.hpp"
#include "http/field_names.hpp"

#include <string>

namespace onehop {
namespace {

// Turns the URL into a target and a Host field, as sending the request over the wire would.
void make_inbound(Request& request) {
  if (!request.url().is_absolute()) return;
  if (!request.headers().has(field::host)) request.set_host(request.url().authority());
  request.set_url(request.url().without_authority());
}

// Removes content that the response must not have (RFC 9110 §6.4.1), as a server does.
void drop_forbidden_body(bool to_head, Response& response) {
  if (!to_head && !response.status().forbids_body()) return;
  const std::optional<std::uint64_t> length = response.body().length();
  const bool had_body = !response.body().is_empty();
  response.body() = Body();
  if (to_head && had_body && length) {
    response.headers().set(field::content_length, std::to_string(*length));
  }
}

class HandlerRoundTripper final : public RoundTripper {
 public:
  explicit HandlerRoundTripper(std::shared_ptr<const Handler> handler) noexcept
      : handler_(std::move(handler)) {}

  task<Result<Response>> round_trip(Request request) const override {
    const bool to_head = request.method() == Method::head;
    make_inbound(request);
    std::string reason;
    try {
      Response response = co_await handler_->serve(std::move(request));
      drop_forbidden_body(to_head, response);
      co_return response;
    } catch (...) {
      reason = exception_text();
    }
    co_return failure(Errc::handler_failed, Side::upstream, std::move(reason));
  }

 private:
  std::shared_ptr<const Handler> handler_;
};

}  // namespace

std::shared_ptr<const RoundTripper> round_tripper_over(std::shared_ptr<const Handler> handler) {
  if (!handler) throw std::invalid_argument("round_tripper_over: the handler is null");
  return std::make_shared<HandlerRoundTripper>(std::move(handler));
}

}  // namespace onehop
