// SPDX-License-Identifier: Apache-2.0

#include <onehop/body.hpp>

#include "base/poll.hpp"
#include "http/polled_body_source.hpp"

namespace onehop {
namespace {

const Headers& no_trailers() noexcept {
  static const Headers none;
  return none;
}

class TextSource final : public PolledBodySource {
 public:
  explicit TextSource(std::string text) noexcept : text_(std::move(text)) {}

  task<Result<bytes>> read() override { co_return next(); }
  std::optional<std::uint64_t> length() const override { return text_.size(); }
  Poll<bytes> try_read(std::size_t) override { return Result<bytes>(next()); }

  task<void> wait() override { co_return; }
  bool at_end() const noexcept override { return given_; }

 private:
  bytes next() noexcept {
    if (given_) return {};
    given_ = true;
    return text_;
  }

  std::string text_;
  bool given_ = false;
};

task<Result<bytes>> read_nothing() {
  co_return bytes{};
}

}  // namespace

const Headers& BodySource::trailers() const {
  return no_trailers();
}

Body Body::of(std::string text) {
  if (text.empty()) return {};
  return from(std::make_unique<TextSource>(std::move(text)));
}

Body Body::from(std::unique_ptr<BodySource> source) {
  Body body;
  body.source_ = std::move(source);
  return body;
}

std::optional<std::uint64_t> Body::length() const {
  if (source_ == nullptr) return 0;
  return source_->length();
}

task<Result<bytes>> Body::read() {
  if (source_ == nullptr) return read_nothing();
  return source_->read();
}

task<Result<std::string>> Body::read_all(std::size_t limit) {
  std::string text;
  while (true) {
    const Result<bytes> piece = co_await read();
    if (!piece) co_return failure(piece.error());
    if (piece->empty()) co_return text;
    if (piece->size() > limit - text.size()) {
      co_return failure(Errc::limit_exceeded, Side::local, "the body is larger than the limit");
    }
    text.append(*piece);
  }
}

const Headers& Body::trailers() const {
  return source_ == nullptr ? no_trailers() : source_->trailers();
}

}  // namespace onehop
