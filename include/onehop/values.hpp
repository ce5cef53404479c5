// SPDX-License-Identifier: Apache-2.0
//
// Values are objects of a program's own types that travel with an exchange: at most one of each
// type. Hooks, handlers and round trippers access them through Request::values(), which the copies
// made by clone_head() share, and on_exchange_end through ExchangeRecord::values.
//
//   struct User { std::string name; };
//   request.values().set(User{"alice"});
//   if (const User* user = request.values().get<User>()) ...
//
// A Values is a view, as large as a pointer. The objects are in the memory of the exchange and are
// destroyed with its last message, so a value must not hold a Request, Response, Headers or Body of
// the same exchange: neither would ever be destroyed. Keep strings or an OwnedHeaders.
// Thread: owner.
#pragma once

#include <onehop/detail/memory.hpp>

#include <concepts>
#include <cstddef>
#include <new>
#include <utility>

namespace onehop {

namespace detail {
// Its address identifies the type T.
template <class T>
inline char value_key = 0;

// Returns null if there is none.
void* find_value(const Arena* arena, const void* key) noexcept;
// Returns memory for a value; throws std::logic_error if `arena` is null.
void* allocate_value(Arena* arena, std::size_t size);
// Makes find_value() return `value`. The arena calls `destroy` when it ends.
void add_value(Arena& arena, const void* key, void* value, void (*destroy)(void*) noexcept);
}  // namespace detail

class Values {
 public:
  // Refers to no exchange: get() returns null, and set() throws std::logic_error.
  Values() noexcept = default;
  explicit Values(detail::Arena* arena) noexcept : arena_(arena) {}

  // Returns the value of type T; null if there is none.
  template <class T>
  T* get() const noexcept {
    return static_cast<T*>(detail::find_value(arena_, &detail::value_key<T>));
  }

  // Sets the value of type T, which replaces an earlier one, and returns it.
  template <std::movable T>
  T& set(T value) const {
    static_assert(alignof(T) <= alignof(std::max_align_t), "the type needs too large an alignment");
    if (T* const earlier = get<T>()) {
      *earlier = std::move(value);
      return *earlier;
    }
    void* const memory = detail::allocate_value(arena_, sizeof(T));
    T* const made = ::new (memory) T(std::move(value));
    try {
      detail::add_value(*arena_, &detail::value_key<T>, made,
                        [](void* object) noexcept { static_cast<T*>(object)->~T(); });
    } catch (...) {
      made->~T();
      throw;
    }
    return *made;
  }

 private:
  detail::Arena* arena_ = nullptr;
};

}  // namespace onehop
