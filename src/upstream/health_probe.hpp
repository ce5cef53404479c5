// SPDX-License-Identifier: Apache-2.0
//
// HealthProbe checks one endpoint once, over its own connection. Thread: owner.
#pragma once

#include <onehop/task.hpp>
#include <onehop/upstream.hpp>

#include "upstream/endpoint.hpp"

#include <memory>
#include <string>

namespace onehop::upstream {

struct CheckResult {
  bool is_good() const noexcept { return found == Condition::usable; }

  Condition found = Condition::usable;  // usable, down or leaving
  std::string reason = {};              // why it is down
};

class HealthProbe {
 public:
  // Connects like a Transport with the options `of_requests`.
  HealthProbe(Upstream::HealthCheck check, const Transport::Options& of_requests);

  // Must run on an event loop. The probe and `endpoint` outlive the task.
  task<CheckResult> check(const Endpoint& endpoint) const;

 private:
  task<CheckResult> connect(const Endpoint& endpoint) const;
  task<Result<Response>> ask(const Endpoint& endpoint, Request request) const;
  task<CheckResult> get(const Endpoint& endpoint) const;
  task<CheckResult> call(const Endpoint& endpoint) const;

  const Upstream::HealthCheck check_;
  const Transport transport_;
  const std::shared_ptr<const Dialer> dialer_;
  const std::string name_servers_;
};

}  // namespace onehop::upstream
