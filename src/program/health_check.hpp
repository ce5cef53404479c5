// SPDX-License-Identifier: Apache-2.0
//
// HealthCheck is a Handler that responds to --health-path, for load balancers that probe the
// service's own port, and passes every other request on. It responds with 200 if the server is
// ready, else with 503. Health checks are neither logged nor counted.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/handler.hpp>

#include "observe/observed.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

namespace onehop::program {

class HealthCheck final : public Handler {
 public:
  HealthCheck(std::string path,
              std::shared_ptr<const std::atomic<observe::Readiness>> readiness,
              std::shared_ptr<const Handler> next)
      : path_(std::move(path)), readiness_(std::move(readiness)), next_(std::move(next)) {}

  task<Response> serve(Request request) const override;

  // Reports whether a HealthCheck responded to the exchange.
  static bool answered(const ExchangeRecord& exchange) noexcept;

 private:
  std::string path_;
  std::shared_ptr<const std::atomic<observe::Readiness>> readiness_;
  std::shared_ptr<const Handler> next_;
};

}  // namespace onehop::program
