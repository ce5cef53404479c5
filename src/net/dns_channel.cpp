// SPDX-License-Identifier: Apache-2.0
#include "net/dns_channel.hpp"

#include "net/address_order.hpp"

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

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
}

struct timespec configuration_time(const std::string& path) noexcept {
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) return {};
  return file.st_mtim;
}

}  // namespace

// c-ares expects level-triggered events: it does not read until EAGAIN. It closes sockets while it
// works, so this class only records events, which process() passes on once all pending events are
// delivered.
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

// A look-up. Its two queries, one per family, share it with the timer that ends the wait for the
// second response.
class DnsChannel::Query : public std::enable_shared_from_this<Query> {
 public:
  Query(DnsChannel& channel, std::vector<std::string> names, Callback callback)
      : channel_(channel),
        names_(std::move(names)),
        callback_(std::move(callback)),
        timer_(io::call<&Query::on_timer>(this)) {
    ++channel_.active_;
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() {
    if (!was_reported_) --channel_.active_;
  }

  // Queries the addresses of the next name.
  void ask_next() {
    const std::string name = names_[next_name_++];
    const std::size_t round = ++round_;
    open_questions_ = 2;
    failure_ = ARES_SUCCESS;
    has_failed_ = false;
    ask(name, AF_INET);
    if (round == round_) ask(name, AF_INET6);  // the first query may have completed synchronously
  }
  void take_answer(std::size_t round, int status, const ares_addrinfo* result) {
    if (channel_.closing_ || round != round_) return;  // a response for an earlier name
    --open_questions_;
    if (status == ARES_SUCCESS && result) read(*result);
    record_failure(status);
    if (open_questions_ == 0) {
      end_round();
    } else if (!found_.empty() || status == ARES_ENOTFOUND) {
      // A name that does not exist has no addresses of the other family either (RFC 8020 §2). But
      // some name servers report that for AAAA although there is an A record (RFC 4074 §4.2).
      wait_for_the_other();
    }
  }
  // Ends the wait for responses for the current name.
  void end_round() {
    if (found_.empty() && is_absence(failure_) && !was_reported_ && next_name_ < names_.size()) {
      timer_.disarm();
      ask_next();
    } else {
      conclude();
    }
  }
  void read(const ares_addrinfo& result) {
    std::size_t count = 0;
    for (const auto* node = result.nodes; node && count < channel_.options_.max_addresses;
         node = node->ai_next) {
      if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
      found_.emplace_back(node->ai_addr, static_cast<socklen_t>(node->ai_addrlen));
      ttl_ = std::min(ttl_, node->ai_ttl);
      ++count;
    }
    for (const auto* name = result.cnames; name; name = name->next)
      ttl_ = std::min(ttl_, name->ttl);
  }
  void conclude() {
    timer_.disarm();
    const bool is_partial = !found_.empty() && (open_questions_ > 0 || has_failed_);
    const bool has_more = reported_ != found_.size() || (was_partial_ && !is_partial);
    if (was_reported_ && !has_more) return;
    Answer answer;
    answer.is_late = was_reported_;
    answer.is_partial = was_partial_ = is_partial;
    if (found_.empty()) {
      answer.failure = ares_strerror(failure_ == ARES_SUCCESS ? ARES_ENODATA : failure_);
      answer.is_absent = failure_ == ARES_ENOTFOUND;
    } else {
      answer.addresses = found_;
      sort_by_preference(answer.addresses, &kernel_source_of);
      answer.ttl = std::chrono::seconds(std::max(ttl_, 0));
    }
    callback_(std::move(answer));
    mark_reported();
    reported_ = found_.size();
  }
  void give_up_without_memory() {
    if (channel_.closing_ || was_reported_) return;
    mark_reported();
    ++round_;  // later responses are ignored
    timer_.disarm();
    Answer nothing;
    nothing.failure = "out of memory";  // short enough for the string's internal buffer
    callback_(std::move(nothing));
  }

 private:
  // From now on the query may be lost: only a late family can still arrive.
  void mark_reported() noexcept {
    if (!std::exchange(was_reported_, true)) --channel_.active_;
  }
  // "The name does not exist" outranks the failure of a name server, which outranks a name without
  // addresses of one family.
  void record_failure(int status) noexcept {
    has_failed_ = has_failed_ || (status != ARES_SUCCESS && !is_absence(status));
    if (status == ARES_SUCCESS || failure_ == ARES_ENOTFOUND) return;
    if (status != ARES_ENODATA || failure_ == ARES_SUCCESS) failure_ = status;
  }
  void ask(const std::string& name, int family);
  void wait_for_the_other() {
    if (was_reported_ || timer_.is_armed()) return;
    io::Reactor& reactor = channel_.reactor_;
    reactor.timers().arm(timer_, reactor.now() + kResolutionDelay);
  }
  void on_timer() {
    const auto self = shared_from_this();
    try {
      end_round();
    } catch (const std::bad_alloc&) {
      give_up_without_memory();
    }
    channel_.arm_timer();
  }

  DnsChannel& channel_;
  std::vector<std::string> names_;
  std::size_t next_name_ = 0;
  std::size_t round_ = 0;  // responses to other rounds are ignored
  Callback callback_;
  std::vector<Address> found_;
  int ttl_ = std::numeric_limits<int>::max();
  int failure_ = ARES_SUCCESS;  // of the name queried last
  bool has_failed_ = false;     // a query for it failed, not because of the name
  int open_questions_ = 0;
  bool was_reported_ = false;
  bool was_partial_ = false;
  std::size_t reported_ = 0;  // addresses
  io::Timer timer_;
};

struct DnsChannel::Hooks {
  struct Question {
    std::shared_ptr<Query> query;
    std::size_t round;
  };

  static void on_socket(void* self, ares_socket_t socket, int readable, int writable) noexcept {
    try {
      static_cast<DnsChannel*>(self)->watch(socket, readable != 0, writable != 0);
    } catch (const std::bad_alloc&) {  // the socket is not watched, so the query times out
    }
  }

  static void on_answer(void* context, int status, int, ares_addrinfo* result) noexcept {
    const std::unique_ptr<Question> question(static_cast<Question*>(context));
    const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(result,
                                                                             &ares_freeaddrinfo);
    Query& query = *question->query;
    try {
      query.take_answer(question->round, status, result);
    } catch (const std::bad_alloc&) {
      query.give_up_without_memory();
    }
  }

  // The addresses in /etc/hosts.
  struct InFiles {
    Query& query;
    bool found = false;
  };
  static void on_files(void* context, int status, int, ares_addrinfo* result) noexcept {
    const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(result,
                                                                             &ares_freeaddrinfo);
    if (status != ARES_SUCCESS || !result || !result->nodes) return;
    auto& in_files = *static_cast<InFiles*>(context);
    in_files.found = true;
    try {
      in_files.query.read(*result);
      in_files.query.conclude();
    } catch (const std::bad_alloc&) {
      in_files.query.give_up_without_memory();
    }
  }
};

namespace {

ares_addrinfo_hints hints_for(int family) noexcept {
  ares_addrinfo_hints hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NOSORT;  // otherwise c-ares opens a socket for each address
  return hints;
}

}  // namespace

void DnsChannel::Query::ask(const std::string& name, int family) {
  auto question = std::make_unique<Hooks::Question>(Hooks::Question{shared_from_this(), round_});
  const ares_addrinfo_hints hints = hints_for(family);
  ares_getaddrinfo(channel_.channel_, name.c_str(), nullptr, &hints, &Hooks::on_answer,
                   question.release());
}

DnsChannel::DnsChannel(io::Reactor& reactor, Options options)
    : reactor_(reactor),
      options_(std::move(options)),
      timer_(io::call<&DnsChannel::process_soon>(this)),
      wakeup_(io::call_or<&DnsChannel::process, &DnsChannel::arm_timer>(this)) {
  start_library();
  open();
}

DnsChannel::~DnsChannel() {
  close();
}

bool DnsChannel::is_absence(int status) noexcept {
  return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

void DnsChannel::open() {
  configured_ = configuration_time(options_.configuration);
  ares_options options{};
  int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_RESOLVCONF;
  options.resolvconf_path = options_.configuration.data();
  options.sock_state_cb = &Hooks::on_socket;
  options.sock_state_cb_data = this;
  options.timeout =
      static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(options_.try_timeout).count());
  options.tries = options_.tries;
  char dns_only[] = "b";
  options.lookups = dns_only;
  mask |= ARES_OPT_LOOKUPS;
  int status = ares_init_options(&channel_, &options, mask);
  if (status == ARES_SUCCESS) read_search_list();
  if (status == ARES_SUCCESS && options_.servers.empty()) status = open_files();
  if (status == ARES_SUCCESS && !options_.servers.empty()) {
    status = ares_set_servers_ports_csv(channel_, options_.servers.c_str());
  }
  if (status == ARES_SUCCESS) return;
  close();
  open_failure_ = std::string("the resolver does not start: ") + ares_strerror(status);
}

int DnsChannel::open_files() {
  ares_options options{};
  char files_only[] = "f";
  options.lookups = files_only;
  return ares_init_options(&files_, &options, ARES_OPT_LOOKUPS);
}

// c-ares would search for each family separately, and could find the two in different domains.
void DnsChannel::read_search_list() {
  search_ = {};
  ares_options saved{};
  int mask = 0;
  if (ares_save_options(channel_, &saved, &mask) == ARES_SUCCESS) {
    if ((mask & ARES_OPT_NDOTS) != 0)
      search_.dots = static_cast<std::size_t>(std::max(saved.ndots, 0));
    for (int i = 0; i < saved.ndomains; ++i)
      search_.domains.emplace_back(saved.domains[i]);
  }
  ares_destroy_options(&saved);
}

void DnsChannel::close() noexcept {
  if (files_) ares_destroy(std::exchange(files_, nullptr));
  if (!channel_) return;
  closing_ = true;
  ares_destroy(std::exchange(channel_, nullptr));
  closing_ = false;
  sockets_.clear();
  timer_.disarm();
  wakeup_.unlink();
}

// c-ares reads the file once, but a machine that moves to another network gets other name servers.
void DnsChannel::reopen_when_configuration_changed() {
  if (active_ != 0) return;
  const struct timespec changed = configuration_time(options_.configuration);
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
  auto query = std::make_shared<Query>(*this, search_.names_for(host), std::move(callback));
  if (files_) {
    Hooks::InFiles in_files{*query};
    const ares_addrinfo_hints hints = hints_for(AF_UNSPEC);
    ares_getaddrinfo(files_, host.c_str(), nullptr, &hints, &Hooks::on_files, &in_files);
    if (in_files.found) return;
  }
  query->ask_next();
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
  // If the kernel refuses, the query times out.
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

// Also called if process() lacked memory for the events: the queries concerned then time out.
void DnsChannel::arm_timer() noexcept {
  timeval wait{};
  if (!ares_timeout(channel_, nullptr, &wait)) {
    timer_.disarm();
    return;
  }
  const auto delay = std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec);
  reactor_.timers().arm(timer_, reactor_.now() + delay);
}

}  // namespace onehop::net
