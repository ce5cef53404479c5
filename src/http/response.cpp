// SPDX-License-Identifier: Apache-2.0

#include <onehop/response.hpp>

#include "http/header_lines.hpp"

#include <coroutine>
#include <utility>

namespace onehop {

Response::Response(Status status, std::string text)
    : Response(status, Headers(), Body::of(std::move(text))) {
  if (body().is_empty()) return;
  HeaderWriter(headers()).add_valid(field::content_type, "text/plain; charset=utf-8");
}

task<void> Tunnel::flushed() {
  co_return;
}

task<Result<void>> Tunnel::gone() {
  co_await std::suspend_always();
  co_return Result<void>();
}

}  // namespace onehop
