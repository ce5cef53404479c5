// SPDX-License-Identifier: Apache-2.0
//
// DnsChannel: c-ares in an event loop: its sockets, its timeouts and its queries. No cache: see
// Resolver. Destroying it ends all queries without calling back. One thread.
#pragma once

#include "io/reactor.hpp"
#include "net/address.hpp"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <sys/stat.h>

struct ares_channeldata;
struct ares_addrinfo;

namespace onehop::net {

class DnsChannel {
 public:
  struct Options {
    std::string servers;  // "ADDRESS[:PORT],..."; empty: what the system's files say
    io::Duration try_timeout;
    int tries;
  };
  struct Answer {
    std::vector<Address> addresses;  // without port, sorted by RFC 6724; empty when it failed
    io::Duration ttl{};
    std::string failure;  // c-ares' words
  };
  // Called once for each query, and again with a failure when it threw bad_alloc; it may not throw
  // then. Must not call the channel.
  using Callback = std::function<void(Answer answer)>;

  DnsChannel(io::Reactor& reactor, Options options);
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;
  ~DnsChannel();

  // May call back before it returns.
  void query(const std::string& host, Callback callback);

 private:
  class Socket;
  struct Query;
  // What c-ares calls.
  struct Hooks;

  void open();
  void close() noexcept;
  void reopen_when_configuration_changed();
  void watch(int socket, bool readable, bool writable);
  void process();
  void arm_timer();

  io::Reactor& reactor_;
  Options options_;
  ares_channeldata* channel_ = nullptr;
  std::string open_failure_;
  struct timespec configured_{};  // when /etc/resolv.conf last changed
  std::size_t active_ = 0;
  bool closing_ = false;
  std::unordered_map<int, std::unique_ptr<Socket>> sockets_;
  io::Timer timer_;
  io::Wakeup wakeup_;
};

}  // namespace onehop::net
