// SPDX-License-Identifier: Apache-2.0
//
// ClientLimit: how many connections each client has open, how many of its requests are in progress,
// and whether it may have another. Counts only what began while there was a limit. Outlives the
// tickets it gave. Thread: any.
#pragma once

#include "base/check.hpp"
#include "io/timer_wheel.hpp"
#include "net/address.hpp"
#include "server/line_limit.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace onehop::server {

// Counts as one request for as long as it lives, unless it was made without a count.
class RequestTicket {
 public:
  RequestTicket() noexcept = default;
  explicit RequestTicket(std::atomic<std::size_t>& counted) noexcept : count_(&counted) {}
  RequestTicket(RequestTicket&& other) noexcept
      : kept_(std::move(other.kept_)), count_(std::exchange(other.count_, nullptr)) {}
  RequestTicket& operator=(RequestTicket&& other) noexcept {
    std::swap(kept_, other.kept_);
    std::swap(count_, other.count_);
    return *this;
  }
  // `kept`: what has to live as long as the count.
  void keep(std::shared_ptr<const void> kept) noexcept { kept_ = std::move(kept); }
  ~RequestTicket() {
    if (!count_) return;
    [[maybe_unused]] const auto before = count_->fetch_sub(1, std::memory_order_relaxed);
    ONEHOP_DCHECK(before > 0);
  }

 private:
  std::shared_ptr<const void> kept_;
  std::atomic<std::size_t>* count_ = nullptr;
};

class ClientLimit {
  // Nodes of a map: they stay where they are.
  struct Client {
    // Guarded by the limit's mutex.
    std::size_t connections = 0;
    std::size_t held = 0;  // those, and requests that came over others' connections
    std::atomic<std::size_t> requests = 0;
  };

 public:
  // One connection, or one request over the connection of a trusted proxy.
  class Entry {
   public:
    enum class By : std::uint8_t { connection, request };
    Entry(ClientLimit& limit, std::uint64_t key, By by) noexcept
        : limit_(limit), key_(key), by_(by) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() {
      if (client_) limit_.leave(key_, by_);
    }

    // std::nullopt if the client has as many requests in progress, over all its connections, as it
    // may. The ticket ends before this does. Only the client's own threads write the same memory.
    std::optional<RequestTicket> enter_request();

   private:
    friend class ClientLimit;
    ClientLimit& limit_;
    std::uint64_t key_;
    Client* client_ = nullptr;  // once it is counted
    By by_;
  };
  // 0: no limit.
  explicit ClientLimit(std::size_t max_connections, std::size_t max_requests = 0) noexcept
      : max_connections_(max_connections), max_requests_(max_requests) {}

  // From now on; a client that has more already keeps them.
  void set(std::size_t max_connections, std::size_t max_requests) noexcept {
    max_connections_.store(max_connections, std::memory_order_relaxed);
    max_requests_.store(max_requests, std::memory_order_relaxed);
  }
  // Whether anything is limited.
  bool is_on() const noexcept { return max_connections() != 0 || max_requests() != 0; }

  // A connection of `peer` counts for as long as its entry lives. Null for a peer that is not
  // counted; std::nullopt if the client has as many connections as it may.
  std::optional<std::shared_ptr<Entry>> enter(const net::Address& peer);
  // For a request that came over the connection of a trusted proxy; std::nullopt as above.
  std::optional<RequestTicket> enter_request(const net::Address& client);
  // The line for the log about a connection that was refused; std::nullopt if there was one lately.
  std::optional<std::string> refusal_line(const net::Address& peer, io::Time now);
  LineLimit& lines() noexcept { return refusals_; }
  // How many clients are counted. A client that has left takes no memory.
  std::size_t clients() const;

 private:
  void leave(std::uint64_t key, Entry::By by) noexcept;

  std::size_t max_connections() const noexcept {
    return max_connections_.load(std::memory_order_relaxed);
  }
  std::size_t max_requests() const noexcept {
    return max_requests_.load(std::memory_order_relaxed);
  }

  std::atomic<std::size_t> max_connections_;
  std::atomic<std::size_t> max_requests_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<std::uint64_t, Client> clients_;

  LineLimit refusals_;
};

// Counts as one connection for as long as a copy of it lives. Null: not counted.
using ConnectionTicket = std::shared_ptr<ClientLimit::Entry>;

}  // namespace onehop::server
