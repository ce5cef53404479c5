// SPDX-License-Identifier: Apache-2.0
//
// Handler is what a Server calls for each request. serve() is const because all workers call the
// same object at once; Server::run_per_worker gives each worker its own.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/task.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

namespace onehop {

class Handler {
 public:
  Handler() = default;
  virtual ~Handler() = default;

  // Returns the response. If the client leaves first, the task is destroyed, which cancels
  // everything it waits for. An exception becomes a 500, or aborts a response that has begun.
  virtual task<Response> serve(Request request) const = 0;

 protected:
  Handler(const Handler&) = default;
  Handler(Handler&&) = default;
  Handler& operator=(const Handler&) = default;
  Handler& operator=(Handler&&) = default;
};

namespace detail {
template <class Function>
class FunctionHandler final : public Handler {
 public:
  explicit FunctionHandler(Function function) : function_(std::move(function)) {
    if constexpr (std::constructible_from<bool, const Function&>) {
      if (!static_cast<bool>(function_)) {
        throw std::invalid_argument("make_handler: the function is empty");
      }
    }
  }
  task<Response> serve(Request request) const override {
    if constexpr (std::same_as<std::invoke_result_t<const Function&, Request>, Response>) {
      co_return function_(std::move(request));
    } else {
      co_return co_await function_(std::move(request));
    }
  }

 private:
  Function function_;
};
}  // namespace detail

// Returns a handler that calls `function`, which returns a Response or a task<Response>. A
// coroutine lambda may have captures, since the handler keeps the closure alive. Throws
// std::invalid_argument if the function is empty (a null pointer, an empty std::function).
template <class Function>
  requires std::invocable<const Function&, Request>
std::shared_ptr<const Handler> make_handler(Function function) {
  return std::make_shared<detail::FunctionHandler<Function>>(std::move(function));
}

}  // namespace onehop
