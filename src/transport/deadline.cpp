// SPDX-License-Identifier: Apache-2.0

#include "transport/deadline.hpp"

#include <onehop/detail/clock.hpp>
#include <onehop/scope.hpp>

#include "http/message_access.hpp"

#include <utility>

namespace onehop::transport {
namespace {

Error deadline_passed(Phase phase) {
  Error error(Errc::timed_out, Side::upstream, "the deadline of the request has passed");
  return error.during(phase);
}

// The content of a response, which can be read until the deadline.
class TimedBody final : public BodySource {
 public:
  TimedBody(Body body, Time deadline) noexcept : body_(std::move(body)), deadline_(deadline) {}

  task<Result<bytes>> read() override {
    const Time now = detail::now();
    if (deadline_ <= now) co_return end();
    const std::chrono::nanoseconds left = deadline_ - now;
    task<Result<bytes>> reading = body_.read();
    Result<bytes> piece = co_await with_timeout(left, std::move(reading));
    const bool is_late = !piece && piece.error().is(Errc::timed_out) && detail::now() >= deadline_;
    if (is_late) co_return end();
    co_return piece;
  }
  std::optional<std::uint64_t> length() const override { return length_; }
  const Headers& trailers() const override { return body_.trailers(); }

 private:
  bool passes_content_on() const noexcept override {
    return MessageAccess::passes_content_on(body_);
  }
  // Drops the content, and with it the connection or the stream.
  Result<bytes> end() {
    body_ = Body();
    return failure(deadline_passed(Phase::receive));
  }

  Body body_;
  const Time deadline_;
  const std::optional<std::uint64_t> length_ = body_.length();
};

}  // namespace

task<Result<Response>> round_trip_until(const RoundTripper& inner, Request request) {
  const Time deadline = request.deadline().value_or(Time::max());
  request.clear_deadline();
  const Time now = detail::now();
  if (deadline <= now) co_return failure(deadline_passed(Phase::none));
  const std::chrono::nanoseconds left = deadline - now;
  task<Result<Response>> trip = inner.round_trip(std::move(request));
  Result<Response> result = co_await with_timeout(left, std::move(trip));
  if (!result) {
    const bool is_late = result.error().is(Errc::timed_out) && detail::now() >= deadline;
    if (is_late) co_return failure(deadline_passed(Phase::wait));
    co_return result;
  }
  if (!result->body().is_empty()) {
    auto timed = std::make_unique<TimedBody>(std::move(result->body()), deadline);
    result->body() = Body::from(std::move(timed));
  }
  co_return result;
}

}  // namespace onehop::transport
