// SPDX-License-Identifier: Apache-2.0
//
// ClientLimit: how many connections each client has open, and whether it may have one more.
// Outlives the places it gave. Any thread.
#pragma once

#include "io/timer_wheel.hpp"
#include "net/address.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace onehop::server {

class ClientLimit {
 public:
  // Counts as one connection for as long as anybody holds it. Null for who is not counted.
  using Place = std::shared_ptr<const void>;

  explicit ClientLimit(std::size_t most) noexcept : most_(most) {}

  // Nothing when the client has all the places it may have.
  std::optional<Place> enter(const net::Address& peer);
  // What the log should say about a client that got no place; nothing when it was said lately.
  std::optional<std::string> note_refusal(const net::Address& peer, io::Time now);

 private:
  struct Held;
  void leave(std::uint64_t client) noexcept;

  const std::size_t most_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<std::uint64_t, std::size_t> open_;
  std::size_t refused_ = 0;  // since the log was told
  std::optional<io::Time> told_;
};

}  // namespace onehop::server
