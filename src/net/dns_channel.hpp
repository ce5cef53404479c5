// SPDX-License-Identifier: Apache-2.0
//
// DnsChannel runs c-ares in an event loop: its sockets, timeouts and queries. It looks for a name
// in /etc/hosts, then queries DNS for both families at once, under each search domain. It does not
// cache (see Resolver). Destroying it ends all queries without calling back.
// Thread: owner.
#pragma once

#include "io/reactor.hpp"
#include "net/address.hpp"
#include "net/search_list.hpp"
#include "net/srv_records.hpp"

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
  // The usual maximum number of addresses per family.
  static constexpr std::size_t kMaxAddresses = 24;

  struct Options {
    std::string servers;  // "ADDRESS[:PORT],..."; if empty, the system's servers
    io::Duration try_timeout;
    int tries;
    std::string configuration = "/etc/resolv.conf";
    // The maximum number of addresses used of each family.
    std::size_t max_addresses = kMaxAddresses;
  };
  struct Answer {
    std::vector<Address> addresses;  // without port, sorted by RFC 6724; empty on failure
    io::Duration ttl{};
    std::string failure;     // in the words of c-ares
    bool is_absent = false;  // the name does not exist; a name without addresses may soon have some
    // Only one family is known: the response for the other is missing, or was a failure.
    bool is_partial = false;
    // The second response arrived after the first was reported. `addresses` has the addresses of
    // both responses, either of which may have none.
    bool is_late = false;
  };
  // How long users of a name keep their last good response while name servers report that it does
  // not exist.
  static constexpr io::Duration kAbsenceGrace = std::chrono::seconds(60);
  // How long a query waits for the second family once the first has a response, or the name is
  // reported not to exist (RFC 8305 §3).
  static constexpr io::Duration kResolutionDelay = std::chrono::milliseconds(50);

  // Called once for each query, and again if the response for a family arrives late. If the first
  // call throws bad_alloc, it is called again with a failure, must not throw then, and is not
  // called a third time. It must not call the channel.
  using Callback = std::function<void(Answer answer)>;

  DnsChannel(io::Reactor& reactor, Options options);
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;
  ~DnsChannel();

  // Looks up `host`. May call back before it returns.
  void query(const std::string& host, Callback callback);

  // The servers of a service. Only DNS is queried, without a search list.
  struct ServiceAnswer {
    std::vector<SrvRecord> records;  // empty on failure
    io::Duration ttl{};
    std::string failure;
    bool is_absent = false;
  };
  // Called once. If it throws bad_alloc, it is called again with a failure and must not throw then.
  using ServiceCallback = std::function<void(ServiceAnswer answer)>;
  void query_service(const std::string& name, ServiceCallback callback);

 private:
  class Socket;
  class Query;
  // The callbacks of c-ares.
  struct Hooks;
  struct ServiceQuestion;

  // Reports whether `status` means that the name does not exist or has no records of the wanted
  // kind.
  static bool is_absence(int status) noexcept;
  void open();
  int open_files();
  void read_search_list();
  void close() noexcept;
  void reopen_when_configuration_changed();
  void watch(int socket, bool readable, bool writable);
  void process();
  void process_soon() noexcept { reactor_.schedule(wakeup_); }
  void arm_timer() noexcept;

  io::Reactor& reactor_;
  Options options_;
  ares_channeldata* channel_ = nullptr;  // queries name servers only
  ares_channeldata* files_ = nullptr;    // reads /etc/hosts only; null if Options::servers are set
  SearchList search_;
  std::string open_failure_;
  struct timespec configured_{};  // when Options::configuration last changed
  std::size_t active_ = 0;        // look-ups not reported yet
  bool closing_ = false;
  std::unordered_map<int, std::unique_ptr<Socket>> sockets_;
  io::Timer timer_;
  io::Wakeup wakeup_;
};

}  // namespace onehop::net
