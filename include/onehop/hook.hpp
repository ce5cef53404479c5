// SPDX-License-Identifier: Apache-2.0
//
// RewriteHook and ResponseHook hold functions of the program, which ReverseProxy calls for each
// request. Such a function is plain or a coroutine, and returns one of
//   void                      the proxy continues,
//   Result<void>              an Error ends the exchange: error_response is called,
//   Response                  is sent instead,
//   std::optional<Response>   is sent instead, if there is one,
//   Result<Response>, Result<std::optional<Response>>
// or a task of one of these, which the proxy awaits. A plain function costs no coroutine frame. All
// workers call it at the same time, so it is called as const: a lambda must not be mutable.
#pragma once

#include <onehop/detail/hook.hpp>
#include <onehop/error.hpp>
#include <onehop/response.hpp>

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

namespace onehop {

class ProxyRequest;
class ProxyResponse;
class Request;

// The names of these concepts read as sentences, because the compiler quotes them when it refuses a
// function.
//
// A function for a RewriteHook.
template <class Function>
concept CanBeCalledWithAProxyRequest = std::invocable<const Function&, ProxyRequest&>;
// A function for director().
template <class Function>
concept CanBeCalledWithTheOutboundRequest = std::invocable<const Function&, Request&>;
// A function for a ResponseHook.
template <class Function>
concept CanBeCalledWithAResponseOrAProxyResponse =
    std::invocable<const Function&, Response&> || std::invocable<const Function&, ProxyResponse&>;
// One of the results listed above, or a task of one.
template <class Returned>
concept IsVoidOrAResponseOrAResultOrATaskOfOne = detail::is_one_of<detail::Awaited<Returned>,
                                                                   void,
                                                                   Result<void>,
                                                                   Response,
                                                                   std::optional<Response>,
                                                                   Result<Response>,
                                                                   Result<std::optional<Response>>>;

// RewriteHook holds a function of a ProxyRequest&. Without a function, or with an empty one, it
// converts to false.
class RewriteHook : public detail::Hook<ProxyRequest> {
 public:
  RewriteHook() noexcept = default;
  // Holds `function`; copies of the hook share it.
  template <class Function>
    requires(!std::derived_from<Function, RewriteHook>) && CanBeCalledWithAProxyRequest<Function> &&
            IsVoidOrAResponseOrAResultOrATaskOfOne<
                std::invoke_result_t<const Function&, ProxyRequest&>>
  RewriteHook(Function function)  // NOLINT(google-explicit-constructor): reads as a function
      : Hook(std::move(function)) {}
};

namespace detail {
template <class Function>
using ModifyArgument =
    std::conditional_t<std::invocable<const Function&, Response&>, Response, ProxyResponse>;
}

// ResponseHook holds a function of a Response&, or of a ProxyResponse& if it also looks at the
// request. Without a function, or with an empty one, it converts to false.
class ResponseHook : public detail::Hook<ProxyResponse> {
 public:
  ResponseHook() noexcept = default;
  // Holds `function`; copies of the hook share it.
  template <class Function>
    requires(!std::derived_from<Function, ResponseHook>) &&
                CanBeCalledWithAResponseOrAProxyResponse<Function> &&
                IsVoidOrAResponseOrAResultOrATaskOfOne<
                    std::invoke_result_t<const Function&, detail::ModifyArgument<Function>&>>
  ResponseHook(Function function)  // NOLINT(google-explicit-constructor): reads as a function
      : Hook(std::move(function)),
        sees_requests_(std::same_as<detail::ModifyArgument<Function>, ProxyResponse>) {}

  // Reports whether the function takes a ProxyResponse&.
  bool sees_requests() const noexcept { return sees_requests_ && static_cast<bool>(*this); }

 private:
  bool sees_requests_ = false;
};

}  // namespace onehop
