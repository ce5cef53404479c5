// SPDX-License-Identifier: Apache-2.0

#include "proxy/single_host.hpp"

#include <stdexcept>
#include <utility>

namespace onehop {

void RewriteBelow::operator()(ProxyRequest& request) const {
  request.out().set_url(std::move(request.out().url()).resolved_below(target_));
}

ReverseProxy single_host_reverse_proxy(Url target) {
  if (!target.is_absolute()) {
    throw std::invalid_argument("single_host_reverse_proxy: '" + target.to_string() +
                                "' does not say which host; write \"http://HOST:PORT\"");
  }
  return ReverseProxy({.rewrite = RewriteBelow(std::move(target))});
}

void detail::refuse_empty_director() {
  throw std::invalid_argument("director: the function is missing");
}

}  // namespace onehop
