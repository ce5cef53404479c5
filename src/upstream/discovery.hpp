// SPDX-License-Identifier: Apache-2.0
//
// Discovery keeps the endpoints of an upstream equal to the DNS records of their names: each
// address of a host, or each server of a service. It runs in the BackgroundLoop.
// Thread: any.
#pragma once

#include "net/dns_channel.hpp"
#include "upstream/background_loop.hpp"
#include "upstream/group.hpp"

#include <memory>
#include <string>
#include <vector>

namespace onehop::upstream {

class Discovery {
 public:
  // Looks up the names of `options` at once, and again whenever a response has expired.
  Discovery(std::shared_ptr<Group> group, const Upstream::Options& options);
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;
  ~Discovery();

 private:
  class Job;

  const std::shared_ptr<BackgroundLoop> loop_;
  const std::shared_ptr<Job> job_;
};

}  // namespace onehop::upstream
