// SPDX-License-Identifier: Apache-2.0
//
// Handler responds to requests: a Server calls serve() for each one. serve() is const because all
// workers call the same object at the same time; Server::run_per_worker makes a separate handler
// for each worker.
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

// These concepts say which arguments make_handler() and Server accept. Their names read as
// sentences, because the compiler quotes them when it refuses an argument.

// A const function object or a function pointer: workers call it at the same time.
template <class Function>
concept CanBeCalledWithARequest = std::invocable<const Function&, Request>;
// The result of such a function.
template <class Function>
concept ReturnsAResponseOrATaskOfOne =
    std::same_as<std::invoke_result_t<const Function&, Request>, Response> ||
    std::same_as<std::invoke_result_t<const Function&, Request>, task<Response>>;
// A class derived from Handler, or a shared_ptr to one.
template <class T>
concept IsAHandlerOrPointsToOne =
    std::derived_from<T, Handler> || std::convertible_to<const T&, std::shared_ptr<const Handler>>;
// An argument of make_handler() and of Server::run().
template <class T>
concept CanHandleRequests =
    IsAHandlerOrPointsToOne<T> || (CanBeCalledWithARequest<T> && ReturnsAResponseOrATaskOfOne<T>);

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

// Returns a handler made from `source`, which is one of
//   a function that takes a Request and returns a Response or a task<Response>; a coroutine lambda
//     may have captures, because the handler keeps the closure alive,
//   a Handler by value, or a shared_ptr to one, which is returned as it is.
// Throws std::invalid_argument if a function is empty (a null pointer, an empty std::function).
template <CanHandleRequests Source>
std::shared_ptr<const Handler> make_handler(Source source) {
  if constexpr (std::convertible_to<const Source&, std::shared_ptr<const Handler>>) {
    return source;
  } else if constexpr (std::derived_from<Source, Handler>) {
    return std::make_shared<const Source>(std::move(source));
  } else {
    return std::make_shared<detail::FunctionHandler<Source>>(std::move(source));
  }
}

}  // namespace onehop
