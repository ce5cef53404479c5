// SPDX-License-Identifier: Apache-2.0
//
// NamedOrigins holds the origins that one list names, such as the endpoints of an Upstream. An
// origin is abandoned once the last list of its Transport that named it is gone: its idle
// connections are closed at once, on every worker, and the others as soon as their requests have
// ended. If it is named or used again, it gets new connections. An origin that no list ever named
// is not abandoned.
// Thread: any.
#pragma once

#include "transport/shared_pools.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace onehop::transport {

// Move-only.
class NamedOrigins {
 public:
  NamedOrigins() noexcept = default;  // names none
  // Names the origins with these keys (see origin_key()).
  NamedOrigins(std::shared_ptr<SharedPools> shared, std::vector<std::string> keys)
      : NamedOrigins() {
    keys_.reserve(keys.size());
    shared_ = std::move(shared);
    for (std::string& key : keys) {
      shared_->name(key);
      keys_.push_back(std::move(key));
    }
  }
  NamedOrigins(NamedOrigins&&) noexcept = default;
  NamedOrigins& operator=(NamedOrigins&& other) noexcept {
    const NamedOrigins before(std::move(*this));
    shared_ = std::move(other.shared_);
    keys_ = std::move(other.keys_);
    return *this;
  }
  ~NamedOrigins() {
    if (shared_) shared_->unname(keys_);
  }

 private:
  std::shared_ptr<SharedPools> shared_;  // null after a move
  std::vector<std::string> keys_;
};

}  // namespace onehop::transport
