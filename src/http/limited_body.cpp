// SPDX-License-Identifier: Apache-2.0
#include "http/limited_body.hpp"

#include "http/message_access.hpp"
#include "http/polled_body_source.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace onehop {
namespace {

// Allowance counts the bytes that may still be read.
class Allowance {
 public:
  explicit Allowance(std::uint64_t max) noexcept : left_(max) {}

  bool is_exceeded() const noexcept { return is_exceeded_; }
  static std::unexpected<Error> exceeded() { return failure(Errc::body_too_large, Side::client); }
  Result<bytes> take(Result<bytes> piece) {
    if (!piece) return piece;
    if (piece->size() > left_) {
      is_exceeded_ = true;
      return exceeded();
    }
    left_ -= piece->size();
    return piece;
  }

 private:
  std::uint64_t left_;
  bool is_exceeded_ = false;
};

// LimitedSource limits content that a program generates.
class LimitedSource final : public BodySource {
 public:
  LimitedSource(Body body, std::uint64_t max) noexcept : body_(std::move(body)), allowance_(max) {}

  task<Result<bytes>> read() override {
    auto piece = co_await body_.read();
    co_return allowance_.take(std::move(piece));
  }
  const Headers& trailers() const override { return body_.trailers(); }

 private:
  Body body_;
  Allowance allowance_;
};

// LimitedPolledSource limits the content of a connection, which body pumps poll.
class LimitedPolledSource final : public PolledBodySource, public detail::InFramePool {
 public:
  LimitedPolledSource(Body body, PolledBodySource& source, std::uint64_t max) noexcept
      : body_(std::move(body)), source_(source), allowance_(max) {}

  task<Result<bytes>> read() override {
    if (allowance_.is_exceeded()) co_return Allowance::exceeded();
    auto piece = co_await source_.read();
    co_return allowance_.take(std::move(piece));
  }
  const Headers& trailers() const override { return source_.trailers(); }
  std::optional<Result<bytes>> try_read(std::size_t max) override {
    if (allowance_.is_exceeded()) return Allowance::exceeded();
    std::optional<Result<bytes>> piece = source_.try_read(max);
    if (!piece) return piece;
    return allowance_.take(std::move(*piece));
  }
  task<void> wait() override { return source_.wait(); }
  bool at_end() const noexcept override { return !allowance_.is_exceeded() && source_.at_end(); }

 private:
  Body body_;
  PolledBodySource& source_;  // inside body_
  Allowance allowance_;
};

}  // namespace

Result<void> limit_body(Request& request, std::uint64_t max) {
  Body& body = request.body();
  if (const auto length = body.length()) {
    if (*length <= max) return {};
    return failure(Error(Errc::body_too_large, Side::client).during(Phase::head));
  }
  PolledBodySource* const polled = MessageAccess::polled(*MessageAccess::source(body));
  if (polled) {
    request.set_body(
        Body::from(std::make_unique<LimitedPolledSource>(std::move(body), *polled, max)));
  } else {
    request.set_body(Body::from(std::make_unique<LimitedSource>(std::move(body), max)));
  }
  return {};
}

}  // namespace onehop
