// SPDX-License-Identifier: Apache-2.0
//
// HealthChecks checks the endpoints of one upstream at regular intervals, in the BackgroundLoop.
// Thread: any.
#pragma once

#include "upstream/background_loop.hpp"
#include "upstream/group.hpp"

#include <memory>

namespace onehop::upstream {

class HealthChecks {
 public:
  // Begins to check the endpoints of `group`, including those of later lists. Throws
  // std::system_error if the system refuses a thread.
  explicit HealthChecks(std::shared_ptr<Group> group);
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;
  // Ends the checks.
  ~HealthChecks();

 private:
  class Job;

  const std::shared_ptr<BackgroundLoop> loop_;
  const std::shared_ptr<Job> job_;  // its tasks are in the loop
};

}  // namespace onehop::upstream
