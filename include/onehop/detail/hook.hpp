// SPDX-License-Identifier: Apache-2.0
//
// Hook holds a function of the program, of any type, plain or a coroutine. Not part of the
// interface: names in onehop::detail may change in any release.
#pragma once

#include <onehop/error.hpp>
#include <onehop/response.hpp>
#include <onehop/task.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace onehop {

class ProxyRequest;
class ProxyResponse;

namespace detail {

template <class T>
struct AwaitedResult {
  using Type = T;
};
template <class T>
struct AwaitedResult<task<T>> {
  using Type = T;
};
// The result of a function or, if it returns a task, the result of the task.
template <class T>
using Awaited = typename AwaitedResult<T>::Type;
template <class T>
inline constexpr bool is_task = !std::same_as<Awaited<T>, T>;
template <class T, class... Types>
inline constexpr bool is_one_of = (std::same_as<T, Types> || ...);

// Reports whether a function is a null pointer or an empty std::function. A lambda, which converts
// to a pointer and so to bool, is neither.
template <class Function>
constexpr bool is_empty_function(const Function& function) noexcept {
  constexpr bool kIsWrapper =
      std::constructible_from<bool, const Function&> && !std::convertible_to<const Function&, bool>;
  if constexpr (std::is_pointer_v<Function> || kIsWrapper) {
    return !static_cast<bool>(function);
  } else {
    return false;
  }
}

// HookOutcome decides whether the proxy continues (std::nullopt), sends a response instead, or
// fails.
using HookOutcome = Result<std::optional<Response>>;

inline HookOutcome outcome_of(Result<void> result) {
  if (!result) return failure(std::move(result.error()));
  return HookOutcome();
}
inline HookOutcome outcome_of(Response response) {
  return HookOutcome(std::optional<Response>(std::move(response)));
}
inline HookOutcome outcome_of(std::optional<Response> response) {
  return HookOutcome(std::move(response));
}
inline HookOutcome outcome_of(Result<Response> result) {
  if (!result) return failure(std::move(result.error()));
  return outcome_of(std::move(*result));
}
inline HookOutcome outcome_of(HookOutcome outcome) {
  return outcome;
}

template <class Returned>
task<HookOutcome> outcome_later(task<Returned> work) {
  if (!work) co_return failure(Errc::handler_failed, Side::local, "a hook returned an empty task");
  if constexpr (std::same_as<Returned, void>) {
    co_await std::move(work);
    co_return HookOutcome();
  } else {
    Returned returned = co_await std::move(work);
    co_return outcome_of(std::move(returned));
  }
}

// Hook holds a function of a Context&, of any type. It is a value; all copies share the function.
template <class Context>
class Hook {
 public:
  Hook() noexcept = default;
  explicit operator bool() const noexcept { return function_ != nullptr; }

  bool is_coroutine() const noexcept { return function_->is_coroutine; }
  // For a plain function.
  HookOutcome call(Context& context) const { return function_->call(context); }
  // For a coroutine. `context` must outlive the task.
  task<HookOutcome> start(Context& context) const { return function_->start(context); }

  // The function, if it is of this type; else null.
  template <class Function>
  const Function* target() const noexcept {
    const auto* const held = dynamic_cast<const Held<Function>*>(function_.get());
    return held == nullptr ? nullptr : &held->function;
  }

 protected:
  template <class Function>
  explicit Hook(Function function) {
    if (is_empty_function(function)) return;
    function_ = std::make_shared<const Held<Function>>(std::move(function));
  }

 private:
  struct Callable {
    explicit Callable(bool coroutine) noexcept : is_coroutine(coroutine) {}
    Callable(const Callable&) = delete;
    Callable& operator=(const Callable&) = delete;
    virtual ~Callable() = default;
    virtual HookOutcome call(Context& context) const = 0;
    virtual task<HookOutcome> start(Context& context) const = 0;
    const bool is_coroutine;
  };

  template <class Function>
  struct Held final : Callable {
    // A function of a Response does not see the rest of a ProxyResponse.
    static constexpr bool kTakesResponse =
        std::same_as<Context, ProxyResponse> && std::invocable<const Function&, Response&>;
    decltype(auto) invoke(Context& context) const {
      if constexpr (kTakesResponse) {
        return std::invoke(function, context.response());
      } else {
        return std::invoke(function, context);
      }
    }
    using Argument = std::conditional_t<kTakesResponse, Response, Context>;
    using Returned = std::invoke_result_t<const Function&, Argument&>;

    explicit Held(Function f) : Callable(is_task<Returned>), function(std::move(f)) {}
    HookOutcome call(Context& context) const override {
      if constexpr (is_task<Returned>) {
        return failure(Errc::handler_failed, Side::local, "a coroutine was called as a function");
      } else if constexpr (std::same_as<Returned, void>) {
        invoke(context);
        return HookOutcome();
      } else {
        return outcome_of(invoke(context));
      }
    }
    task<HookOutcome> start(Context& context) const override {
      if constexpr (is_task<Returned>) {
        return outcome_later(invoke(context));
      } else {
        return task<HookOutcome>();
      }
    }
    Function function;
  };

  std::shared_ptr<const Callable> function_;
};

}  // namespace detail
}  // namespace onehop
