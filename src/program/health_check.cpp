// SPDX-License-Identifier: Apache-2.0
#include "program/health_check.hpp"

namespace onehop::program {
namespace {

struct Answered {};

}  // namespace

task<Response> HealthCheck::serve(Request request) const {
  if (request.url().path() != path_) {
    auto serving = next_->serve(std::move(request));
    co_return co_await std::move(serving);
  }
  request.values().set(Answered());
  const bool is_ready = *readiness_ == observe::Readiness::ready;
  Response response(is_ready ? Status::ok : Status::service_unavailable,
                    is_ready ? "ready\n" : "not ready\n");
  response.headers().set("Cache-Control", "no-store");
  co_return response;
}

bool HealthCheck::answered(const ExchangeRecord& exchange) noexcept {
  return exchange.values.get<Answered>() != nullptr;
}

}  // namespace onehop::program
