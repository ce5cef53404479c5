// SPDX-License-Identifier: Apache-2.0
//
// RewriteBelow is the rewrite hook of single_host_reverse_proxy. It has its own type so that the
// proxy recognises it and does not copy the request, as it does for other hooks.
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
