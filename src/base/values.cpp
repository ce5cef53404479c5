// SPDX-License-Identifier: Apache-2.0

#include <onehop/values.hpp>

#include "base/arena.hpp"

#include <stdexcept>

namespace onehop::detail {

void* find_value(const Arena* arena, const void* key) noexcept {
  if (arena == nullptr) return nullptr;
  for (const Arena::Value* value = arena->values(); value != nullptr; value = value->next) {
    if (value->key == key) return value->object;
  }
  return nullptr;
}

void* allocate_value(Arena* arena, std::size_t size) {
  if (arena == nullptr) throw std::logic_error("Values::set: these Values belong to no exchange");
  return arena->allocate(size);
}

void add_value(Arena& arena, const void* key, void* value, void (*destroy)(void*) noexcept) {
  arena.add_value(key, value, destroy);
}

}  // namespace onehop::detail
