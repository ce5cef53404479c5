// SPDX-License-Identifier: Apache-2.0

#include <onehop/reverse_proxy.hpp>

#include "http/field_names.hpp"
#include "proxy/forwarded.hpp"

#include <utility>

namespace onehop {

void ProxyRequest::set_url(const Url& target) {
  out_.set_url(std::move(out_.url()).resolved_below(target));
  out_.set_host(target.authority());
}

void ProxyRequest::keep_host() {
  // Without a Host field, the transport sends the host of the URL: HTTP/1.1 requires one.
  if (in_.host().empty()) {
    out_.headers().erase(field::host);
  } else {
    out_.set_host(in_.host());
  }
}

void ProxyRequest::set_forwarded() {
  onehop::set_forwarded(in_, out_.headers());
}

void ProxyRequest::append_forwarded() {
  onehop::append_forwarded(in_, out_.headers());
}

void ProxyRequest::set_forwarded_element() {
  add_forwarded_element(in_, out_.headers());
}

void ProxyRequest::answer(Response response) {
  answer_ = std::make_unique<Response>(std::move(response));
}

}  // namespace onehop
