// SPDX-License-Identifier: Apache-2.0
//
// DnsChannel: c-ares in an event loop: its sockets, its timeouts and its queries. A name is looked
// for in /etc/hosts, then asked for in DNS, both families at once, under each of the domains to
// search. No cache: see Resolver. Destroying it ends all queries without calling back. One thread.
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
    std::string configuration = "/etc/resolv.conf";
  };
  struct Answer {
    std::vector<Address> addresses;  // without port, sorted by RFC 6724; empty when it failed
    io::Duration ttl{};
    std::string failure;   // c-ares' words
    bool is_late = false;  // one family had been answered before, and here is the other as well
  };
  // Of each family, what a name server says beyond that is not looked at.
  static constexpr std::size_t kMaxAddresses = 24;
  // One family having an answer, or none because the name does not exist, the other one is waited
  // for so long (RFC 8305 §3).
  static constexpr io::Duration kResolutionDelay = std::chrono::milliseconds(50);

  // Called once for each query, again when a family is late, and again with a failure when it threw
  // bad_alloc; it may not throw then. Must not call the channel.
  using Callback = std::function<void(Answer answer)>;

  DnsChannel(io::Reactor& reactor, Options options);
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;
  ~DnsChannel();

  // May call back before it returns.
  void query(const std::string& host, Callback callback);

 private:
  class Socket;
  class Query;
  // What c-ares calls.
  struct Hooks;

  void open();
  int open_files();
  void read_search_list();
  std::vector<std::string> names_for(const std::string& host) const;
  void close() noexcept;
  void reopen_when_configuration_changed();
  void watch(int socket, bool readable, bool writable);
  void process();
  void arm_timer();

  io::Reactor& reactor_;
  Options options_;
  ares_channeldata* channel_ = nullptr;  // asks name servers alone
  ares_channeldata* files_ = nullptr;    // reads /etc/hosts alone; null with servers of our own
  std::vector<std::string> search_;      // domains, of resolv.conf
  std::size_t dots_ = 1;                 // a name with so many is tried as it is first
  std::string open_failure_;
  struct timespec configured_{};  // when Options::configuration last changed
  std::size_t active_ = 0;        // look-ups that nobody was told of yet
  bool closing_ = false;
  std::unordered_map<int, std::unique_ptr<Socket>> sockets_;
  io::Timer timer_;
  io::Wakeup wakeup_;
};

}  // namespace onehop::net
