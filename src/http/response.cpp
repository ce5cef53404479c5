// SPDX-License-Identifier: Apache-2.0

#include <onehop/response.hpp>

#include <coroutine>

namespace onehop {

task<void> Tunnel::flushed() {
  co_return;
}

task<Result<void>> Tunnel::gone() {
  co_await std::suspend_always();
  co_return Result<void>();
}

}  // namespace onehop
