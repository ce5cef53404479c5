// SPDX-License-Identifier: Apache-2.0
//
// NamedOrigins: the origins that one list names, such as the endpoints of an Upstream. An origin
// that no list of its Transport names any more is abandoned: its idle connections are closed at
// once, on every worker, and those in use as soon as their requests have ended. One that is named
// or asked again gets new ones. An origin that no list has ever named is not abandoned.
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
  // `keys`: see origin_key().
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
