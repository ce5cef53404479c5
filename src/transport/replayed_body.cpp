// SPDX-License-Identifier: Apache-2.0
#include "transport/replayed_body.hpp"

#include "http/message_access.hpp"

#include <utility>

namespace onehop::transport {
namespace {

bool may_lose_a_piece(const Body& body);

// A body of which a part was sent: first the copy, then the rest.
class ReplayedSource final : public BodySource {
 public:
  // `copy` is not empty unless `rest` was read to its end.
  ReplayedSource(HeldString copy, Body rest, bool rest_has_ended)
      : copy_(std::move(copy)), rest_(std::move(rest)), rest_has_ended_(rest_has_ended) {}

  task<Result<bytes>> read() override {
    if (!std::exchange(given_, true)) co_return bytes(copy_);
    if (rest_has_ended_) co_return bytes();
    co_return co_await rest_.read();
  }
  std::optional<std::uint64_t> length() const override { return rest_.length(); }
  const Headers& trailers() const override { return rest_.trailers(); }
  bool may_lose_a_piece() const { return !rest_has_ended_ && transport::may_lose_a_piece(rest_); }

 private:
  HeldString copy_;
  Body rest_;
  bool rest_has_ended_;
  bool given_ = false;
};

// Reports whether a piece is lost if a read() of `body` is destroyed before it ends.
bool may_lose_a_piece(const Body& body) {
  BodySource* const source = MessageAccess::source(body);
  if (source == nullptr || MessageAccess::polled(*source) != nullptr) return false;
  const auto* const replayed = dynamic_cast<const ReplayedSource*>(source);
  return replayed == nullptr || replayed->may_lose_a_piece();
}

}  // namespace

std::optional<Body> take_back(wire::BodyProgress& progress,
                              HeldString copy,
                              Body rest,
                              bool rest_has_ended) {
  const bool copied = progress.copy != nullptr && progress.copy_complete;
  progress.copy = nullptr;
  if (progress.sent > 0 && !copied) return std::nullopt;
  if (progress.is_reading && may_lose_a_piece(rest)) return std::nullopt;
  if (copy.empty() && !rest_has_ended) return rest;
  return Body::from(
      std::make_unique<ReplayedSource>(std::move(copy), std::move(rest), rest_has_ended));
}

}  // namespace onehop::transport
