// SPDX-License-Identifier: Apache-2.0
//
// RewriteBelow: the rewrite hook of single_host_reverse_proxy. A type of its own, so that the proxy
// recognises it and saves what a hook could have looked at.
// Thread: any; constant.
#pragma once

#include <onehop/reverse_proxy.hpp>

#include <utility>

namespace onehop {

class RewriteBelow {
 public:
  explicit RewriteBelow(Url target) : target_(std::move(target)) {}

  const Url& target() const noexcept { return target_; }
  void operator()(ProxyRequest& request) const;

 private:
  Url target_;
};

}  // namespace onehop
