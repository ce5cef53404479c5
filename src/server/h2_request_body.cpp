// SPDX-License-Identifier: Apache-2.0
#include "server/h2_request_body.hpp"

#include "server/h2_exchange.hpp"

namespace onehop::server {

H2RequestBody::~H2RequestBody() {
  if (exchange_) exchange_->body_dropped();
}

std::optional<Result<bytes>> H2RequestBody::try_read(std::size_t) {
  if (!exchange_) return failure(Errc::client_gone, Side::client, "the exchange is over");
  return exchange_->read_body();
}

task<void> H2RequestBody::wait() {
  if (!exchange_) co_return;
  co_await exchange_->wait_for_body();
}

task<Result<bytes>> H2RequestBody::read() {
  for (;;) {
    auto piece = try_read(0);
    if (piece) co_return *piece;
    co_await wait();
  }
}

bool H2RequestBody::at_end() const noexcept {
  return exchange_ && exchange_->at_end() && !exchange_->body_failure_;
}

const Headers& H2RequestBody::trailers() const {
  return exchange_ ? exchange_->trailers_ : BodySource::trailers();
}

}  // namespace onehop::server
