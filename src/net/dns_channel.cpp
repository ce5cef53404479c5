// SPDX-License-Identifier: Apache-2.0
#include "net/dns_channel.hpp"

#include <algorithm>
#include <limits>
#include <mutex>
#include <new>
#include <utility>

#include <ares.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/time.h>

namespace onehop::net {
namespace {

constexpr const char* kConfiguration = "/etc/resolv.conf";

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
}

struct timespec configuration_time() noexcept {
  struct stat file{};
  if (::stat(kConfiguration, &file) != 0) return {};
  return file.st_mtim;
}

}  // namespace

// c-ares wants level-triggered events: it does not read until EAGAIN. It closes sockets while it
// works, so events are only noted here, and given to it when no event is on its way any more.
class DnsChannel::Socket final : public io::Watcher {
 public:
  explicit Socket(DnsChannel& channel) noexcept : channel_(channel) {}
  void on_events(std::uint32_t events) noexcept override {
    events_ |= events;
    channel_.reactor_.schedule(channel_.wakeup_);
  }
  std::uint32_t take_events() noexcept { return std::exchange(events_, 0); }

 private:
  DnsChannel& channel_;
  std::uint32_t events_ = 0;
};

struct DnsChannel::Query {
  DnsChannel& channel;
  Callback callback;
};

struct DnsChannel::Hooks {
  static void on_socket(void* self, ares_socket_t socket, int readable, int writable) noexcept {
    try {
      static_cast<DnsChannel*>(self)->watch(socket, readable != 0, writable != 0);
    } catch (const std::bad_alloc&) {  // unwatched: the query runs into its timeout
    }
  }

  static void on_answer(void* context, int status, int, ares_addrinfo* result) noexcept {
    const std::unique_ptr<Query> query(static_cast<Query*>(context));
    const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(result,
                                                                             &ares_freeaddrinfo);
    --query->channel.active_;
    if (query->channel.closing_) return;
    try {
      Answer answer;
      if (status == ARES_SUCCESS && result) answer = read(*result);
      if (answer.addresses.empty()) {
        answer.failure = ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status);
      }
      query->callback(std::move(answer));
    } catch (const std::bad_alloc&) {
      Answer nothing;
      nothing.failure = "out of memory";  // short enough to take none
      query->callback(std::move(nothing));
    }
  }

  static Answer read(const ares_addrinfo& result) {
    Answer answer;
    int ttl = std::numeric_limits<int>::max();
    for (const auto* node = result.nodes; node; node = node->ai_next) {
      if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
      answer.addresses.emplace_back(node->ai_addr, static_cast<socklen_t>(node->ai_addrlen));
      ttl = std::min(ttl, node->ai_ttl);
    }
    for (const auto* name = result.cnames; name; name = name->next)
      ttl = std::min(ttl, name->ttl);
    answer.ttl = std::chrono::seconds(std::max(ttl, 0));
    return answer;
  }
};

DnsChannel::DnsChannel(io::Reactor& reactor, Options options)
    : reactor_(reactor),
      options_(std::move(options)),
      timer_(
          [](void* self) {
            auto& channel = *static_cast<DnsChannel*>(self);
            channel.reactor_.schedule(channel.wakeup_);
          },
          this),
      wakeup_([](void* self) { static_cast<DnsChannel*>(self)->process(); }, this) {
  start_library();
  open();
}

DnsChannel::~DnsChannel() {
  close();
}

void DnsChannel::open() {
  configured_ = configuration_time();
  ares_options options{};
  int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
  options.sock_state_cb = &Hooks::on_socket;
  options.sock_state_cb_data = this;
  options.timeout =
      static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(options_.try_timeout).count());
  options.tries = options_.tries;
  char dns_only[] = "b";
  if (!options_.servers.empty()) {
    options.lookups = dns_only;
    mask |= ARES_OPT_LOOKUPS;
  }
  int status = ares_init_options(&channel_, &options, mask);
  if (status == ARES_SUCCESS && !options_.servers.empty()) {
    status = ares_set_servers_ports_csv(channel_, options_.servers.c_str());
  }
  if (status == ARES_SUCCESS) return;
  close();
  open_failure_ = std::string("the resolver does not start: ") + ares_strerror(status);
}

void DnsChannel::close() noexcept {
  if (!channel_) return;
  closing_ = true;
  ares_destroy(std::exchange(channel_, nullptr));
  closing_ = false;
  sockets_.clear();
  timer_.disarm();
  wakeup_.unlink();
}

// c-ares reads the file once. A machine that moves to another network gets other name servers.
void DnsChannel::reopen_when_configuration_changed() {
  if (active_ != 0) return;
  const struct timespec changed = configuration_time();
  if (changed.tv_sec == configured_.tv_sec && changed.tv_nsec == configured_.tv_nsec && channel_) {
    return;
  }
  close();
  open();
}

void DnsChannel::query(const std::string& host, Callback callback) {
  reopen_when_configuration_changed();
  if (!channel_) {
    Answer answer;
    answer.failure = open_failure_;
    callback(std::move(answer));
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  auto query = std::make_unique<Query>(Query{*this, std::move(callback)});
  ++active_;
  ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &Hooks::on_answer, query.release());
  arm_timer();
}

void DnsChannel::watch(int socket, bool readable, bool writable) {
  if (!readable && !writable) {
    reactor_.remove(socket);
    sockets_.erase(socket);
    return;
  }
  const std::uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
  if (const auto found = sockets_.find(socket); found != sockets_.end()) {
    reactor_.modify(socket, *found->second, events);
    return;
  }
  const auto entered = sockets_.emplace(socket, std::make_unique<Socket>(*this));
  // Should the kernel refuse, the query runs into its timeout.
  reactor_.add(socket, *entered.first->second, events);
}

void DnsChannel::process() {
  std::vector<std::pair<int, std::uint32_t>> ready;
  for (const auto& [socket, watcher] : sockets_) {
    if (const std::uint32_t events = watcher->take_events()) ready.emplace_back(socket, events);
  }
  for (const auto& [socket, events] : ready) {
    const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
    const bool readable = failed || (events & EPOLLIN) != 0;
    const bool writable = (events & EPOLLOUT) != 0;
    ares_process_fd(channel_, readable ? socket : ARES_SOCKET_BAD,
                    writable ? socket : ARES_SOCKET_BAD);
  }
  if (ready.empty()) ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  arm_timer();
}

void DnsChannel::arm_timer() {
  timeval wait{};
  if (!ares_timeout(channel_, nullptr, &wait)) {
    timer_.disarm();
    return;
  }
  const auto delay = std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec);
  reactor_.timers().arm(timer_, reactor_.now() + delay);
}

}  // namespace onehop::net
