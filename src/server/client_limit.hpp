// SPDX-License-Identifier: Apache-2.0
//
// ClientLimit counts the open connections and the requests in progress of each client, and decides
// whether the client may have another. It counts only those that began while there was a limit. It
// must outlive the tickets that it returns.
// Thread: any.
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

// Counts as one request while it exists. A default-constructed ticket counts nothing.
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
  // Keeps `kept` alive as long as the count.
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
  // A node of a map, so its address does not change.
  struct Client {
    // Guarded by the limit's mutex.
    std::size_t connections = 0;
    std::size_t held = 0;  // connections, and requests over connections of proxies
    std::atomic<std::size_t> requests = 0;
  };

 public:
  // One connection, or one request that came over the connection of a trusted proxy.
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

    // Returns std::nullopt if the client has its maximum of requests in progress, over all its
    // connections. The ticket must end before this entry. Only threads that serve this client write
    // to its counter, so different clients do not contend.
    std::optional<RequestTicket> enter_request();

   private:
    friend class ClientLimit;
    ClientLimit& limit_;
    std::uint64_t key_;
    Client* client_ = nullptr;  // once it is counted
    By by_;
  };
  // 0 means no limit.
  explicit ClientLimit(std::size_t max_connections, std::size_t max_requests = 0) noexcept
      : max_connections_(max_connections), max_requests_(max_requests) {}

  // Applies from now on. A client that already has more keeps them.
  void set(std::size_t max_connections, std::size_t max_requests) noexcept {
    max_connections_.store(max_connections, std::memory_order_relaxed);
    max_requests_.store(max_requests, std::memory_order_relaxed);
  }
  // Reports whether anything is limited.
  bool is_on() const noexcept { return max_connections() != 0 || max_requests() != 0; }

  // Counts a connection of `peer` while the returned entry exists. The entry is null for a peer
  // that is not counted. Returns std::nullopt if the client has its maximum of connections.
  std::optional<std::shared_ptr<Entry>> enter(const net::Address& peer);
  // Counts a request that came over the connection of a trusted proxy. Returns std::nullopt if the
  // client has its maximum of requests.
  std::optional<RequestTicket> enter_request(const net::Address& client);
  // Returns the log line about a refused connection, unless there was one in the last 10 s.
  std::optional<std::string> refusal_line(const net::Address& peer, io::Time now);
  LineLimit& lines() noexcept { return refusals_; }
  // Returns the number of clients that are counted. A client that has left takes no memory.
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

// Counts as one connection while a copy of it exists. A null ticket counts nothing.
using ConnectionTicket = std::shared_ptr<ClientLimit::Entry>;

}  // namespace onehop::server
