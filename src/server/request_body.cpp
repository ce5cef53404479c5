// SPDX-License-Identifier: Apache-2.0
#include "server/request_body.hpp"

namespace onehop::server {

RequestBody::~RequestBody() {
  if (content_) content_->body_dropped();
}

std::optional<Result<bytes>> RequestBody::try_read(std::size_t most) {
  if (!content_) return failure(Errc::client_gone, Side::client, "the exchange is over");
  return content_->read_body(most);
}

task<void> RequestBody::wait() {
  if (!content_) co_return;
  co_await content_->wait_for_body();
}

task<Result<bytes>> RequestBody::read() {
  for (;;) {
    auto piece = try_read(0);  // in memory that outlives a wait
    if (piece) co_return *piece;
    co_await wait();
  }
}

bool RequestBody::at_end() const noexcept {
  return content_ && content_->body_at_end();
}

const Headers& RequestBody::trailers() const {
  return content_ ? content_->body_trailers() : BodySource::trailers();
}

}  // namespace onehop::server
