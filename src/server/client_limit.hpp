// SPDX-License-Identifier: Apache-2.0
//
// ClientLimit: how many connections each client has open, how many of its requests are in progress,
// and whether it may have one more. Outlives the places it gave. Any thread.
#pragma once

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

// Counts as one request for as long as it lives; not when it was made without a count.
class RequestPlace {
 public:
  RequestPlace() noexcept = default;
  explicit RequestPlace(std::atomic<std::size_t>& counted) noexcept : count_(&counted) {}
  RequestPlace(RequestPlace&& other) noexcept
      : kept_(std::move(other.kept_)), count_(std::exchange(other.count_, nullptr)) {}
  RequestPlace& operator=(RequestPlace&& other) noexcept {
    std::swap(kept_, other.kept_);
    std::swap(count_, other.count_);
    return *this;
  }
  // `kept`: what has to live as long as the count.
  void keep(std::shared_ptr<const void> kept) noexcept { kept_ = std::move(kept); }
  ~RequestPlace() {
    if (count_) count_->fetch_sub(1, std::memory_order_relaxed);
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
  // A connection's, or that of a request over somebody else's.
  class Held {
   public:
    enum class By : std::uint8_t { connection, request };
    Held(ClientLimit& limit, std::uint64_t key, By by) noexcept
        : limit_(limit), key_(key), by_(by) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() {
      if (client_) limit_.leave(key_, by_);
    }

    // Nothing when as many requests of the client as may be are in progress, over all its
    // connections. The place is gone before this is. Only the client's own threads meet here.
    std::optional<RequestPlace> enter_request();

   private:
    friend class ClientLimit;
    ClientLimit& limit_;
    std::uint64_t key_;
    Client* client_ = nullptr;  // once it is counted
    By by_;
  };
  // Counts as one connection for as long as anybody holds it. Null for who is not counted.
  using Place = std::shared_ptr<Held>;

  // 0: no limit.
  explicit ClientLimit(std::size_t most_connections, std::size_t most_requests = 0) noexcept
      : most_connections_(most_connections), most_requests_(most_requests) {}

  // Nothing when the client has all the places it may have.
  std::optional<Place> enter(const net::Address& peer);
  // For a request that came over the connection of a trusted proxy; std::nullopt as above.
  std::optional<RequestPlace> enter_request(const net::Address& client);
  // What the log should say about a client that got no place; nothing when it was said lately.
  std::optional<std::string> note_refusal(const net::Address& peer, io::Time now);
  // How many clients have a place. A client that has left takes no memory.
  std::size_t clients() const;

 private:
  void leave(std::uint64_t key, Held::By by) noexcept;

  const std::size_t most_connections_;
  const std::size_t most_requests_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<std::uint64_t, Client> clients_;

  LineLimit refusals_;
};

}  // namespace onehop::server
