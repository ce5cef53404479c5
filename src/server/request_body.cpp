// SPDX-License-Identifier: Apache-2.0
#include "server/request_body.hpp"

#include "server/h1_exchange.hpp"

namespace onehop::server {

RequestBody::~RequestBody() {
  if (exchange_) exchange_->body_dropped();
}

std::optional<Result<bytes>> RequestBody::try_read(std::size_t most) {
  if (!exchange_) return failure(Errc::client_gone, Side::client, "the exchange is over");
  return exchange_->read_body(most);
}

task<void> RequestBody::wait() {
  if (!exchange_) co_return;
  co_await exchange_->wait_for_body();
}

task<Result<bytes>> RequestBody::read() {
  for (;;) {
    auto piece = try_read(wire::H1BodyReader::kOwnMemory);
    if (piece) co_return *piece;
    co_await wait();
  }
}

bool RequestBody::at_end() const noexcept {
  return exchange_ && exchange_->reader_.at_end();
}

const Headers& RequestBody::trailers() const {
  return exchange_ ? exchange_->reader_.trailers() : BodySource::trailers();
}

}  // namespace onehop::server
