// SPDX-License-Identifier: Apache-2.0
//
// WaitingLine holds the requests that wait for a connection to one origin on one worker, in order,
// over both versions of HTTP. Thread: owner.
#pragma once

#include "transport/lease.hpp"
#include "transport/redial.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace onehop::transport {

enum class Protocol : std::uint8_t { http1, http2 };

class WaitingLine {
 public:
  // The arguments outlive the line. `look_again` is scheduled when a request that was woken ends
  // without using what it was woken for.
  WaitingLine(io::Reactor& reactor, OriginCounters& counters, io::Wakeup& look_again) noexcept
      : reactor_(reactor), counters_(counters), look_again_(look_again) {}

  // One waiting request. Over HTTP/1 it is handed a lease. Over HTTP/2 it is only woken to look
  // again, because a connection promised to it could be gone by then. Lives in its coroutine.
  struct Waiter final : WaitingRequest {
    // `longest` is Transport::Options::hold.
    Waiter(WaitingLine& l, OriginUse& use, const Need& n, io::Time b, io::Duration longest) noexcept
        : WaitingRequest(l.reactor_, b, n.may_hold ? longest : io::Duration::zero()),
          line(l),
          ref(use),
          need(n) {}
    // Returns the connection of an unused lease, and passes an unused wake-up to the next in line.
    ~Waiter();
    void join(Protocol over) noexcept;
    void leave() noexcept override;

    WaitingLine& line;
    const OriginUse::Ref ref;
    const Need need;
    Protocol protocol = Protocol::http1;
    std::optional<Lease> lease;
  };

  IntrusiveList<WaitingRequest>& requests() noexcept { return requests_; }
  std::size_t waiting(Protocol over) const noexcept { return waiting_[index(over)]; }
  // Returns the first request in line, or null if there is none.
  Waiter* first(Protocol over) noexcept;
  // Returns the first HTTP/1 request that may use `connection`, or null if there is none. Sets
  // `passes_by` if other HTTP/1 requests wait before it.
  Waiter* first_for(const H1Connection& connection, bool& passes_by) noexcept;
  // Wakes the first `count` HTTP/2 requests. They move to the end of the line until they have
  // looked.
  void wake_http2(std::size_t count) noexcept;
  void wake_all_http2() noexcept { wake_http2(waiting(Protocol::http2)); }

 private:
  static std::size_t index(Protocol over) noexcept { return static_cast<std::size_t>(over); }
  template <class Predicate>
  Waiter* find(Predicate is_wanted) noexcept;

  io::Reactor& reactor_;
  OriginCounters& counters_;
  io::Wakeup& look_again_;
  IntrusiveList<WaitingRequest> requests_;  // each is a Waiter
  std::array<std::size_t, 2> waiting_ = {};
};

}  // namespace onehop::transport
