// SPDX-License-Identifier: Apache-2.0
//
// Configuration is one worker's snapshot of what an update may replace while the worker serves: the
// options, the handler, and values derived from them. A worker refers to its current snapshot, and
// each request pins the one it began with, so a snapshot lives until the last of its requests ends.
// Thread: owner.
#pragma once

#include <onehop/handler.hpp>
#include <onehop/server.hpp>
#include <onehop/task.hpp>

#include "base/check.hpp"
#include "http/h1/limits.hpp"
#include "http/h2/session.hpp"
#include "http/trusted_peers.hpp"
#include "wire/parser_pool.hpp"

#include <cstddef>
#include <memory>
#include <utility>

namespace onehop::server {

class Configuration : public detail::InFramePool {
 public:
  // No argument may be null. `trusted`: the peers that the options trust.
  Configuration(std::shared_ptr<const Server::Options> options,
                std::shared_ptr<const TrustedPeers> trusted,
                std::shared_ptr<const Handler> handler);
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;
  // Releases the handler after the functions that it has offloaded, which may still use it.
  ~Configuration();

  const Server::Options& options() const noexcept { return *options_; }
  const TrustedPeers& trusted() const noexcept { return *trusted_; }
  const Handler& handler() const noexcept { return *handler_; }
  const h1::Limits& limits() const noexcept { return limits_; }
  const h2::SessionLimits& h2_limits() const noexcept { return h2_limits_; }
  // The maximum size of an HTTP/1 head, in bytes.
  std::size_t head_limit() const noexcept { return head_limit_; }
  // Parsers with these limits. A caller holds a reference to the snapshot while it leases a parser.
  wire::ParserPool& parsers() noexcept { return parsers_; }

 private:
  friend class ConfigurationRef;

  std::shared_ptr<const Server::Options> options_;
  std::shared_ptr<const TrustedPeers> trusted_;
  std::shared_ptr<const Handler> handler_;
  h1::Limits limits_;
  h2::SessionLimits h2_limits_;
  std::size_t head_limit_;
  wire::ParserPool parsers_;
  std::size_t references_ = 0;
};

// A counted reference to a snapshot, never null. The count is not atomic.
class ConfigurationRef {
 public:
  explicit ConfigurationRef(std::unique_ptr<Configuration> made) noexcept
      : configuration_(made.release()) {
    ++configuration_->references_;
  }
  ConfigurationRef(const ConfigurationRef& other) noexcept : configuration_(other.configuration_) {
    ONEHOP_DCHECK(configuration_->references_ > 0);
    ++configuration_->references_;
  }
  ConfigurationRef& operator=(const ConfigurationRef&) = delete;
  ConfigurationRef(ConfigurationRef&&) = delete;
  ConfigurationRef& operator=(ConfigurationRef&& other) noexcept {
    std::swap(configuration_, other.configuration_);
    return *this;
  }
  ~ConfigurationRef() {
    if (--configuration_->references_ == 0) delete configuration_;
  }

  Configuration& operator*() const noexcept { return *configuration_; }
  Configuration* operator->() const noexcept { return configuration_; }

 private:
  Configuration* configuration_;
};

}  // namespace onehop::server
