// SPDX-License-Identifier: Apache-2.0
//
// ConnectRace connects to the first of several addresses that accepts (RFC 8305 §5). It is an
// awaiter: `ConnectRace race(...); auto winner = co_await race;`. Destroying it closes every
// attempt.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include "io/file_descriptor.hpp"
#include "io/reactor.hpp"
#include "net/address.hpp"
#include "net/dial_reports.hpp"

#include <coroutine>
#include <memory>
#include <span>
#include <vector>

namespace onehop::net {

struct RaceOptions {
  io::Duration attempt_timeout;  // per address
  io::Duration fallback_delay;   // until the next address is tried in parallel
  io::Time deadline;             // for the whole race
  DialReports* reports = nullptr;
};

class ConnectRace {
 public:
  struct Winner {
    io::FileDescriptor socket;  // connected, non-blocking, in no event loop
    Address address;
  };

  // `addresses`, at least one, must outlive the race.
  ConnectRace(io::Reactor& reactor, RaceOptions options, std::span<const Address> addresses);
  ConnectRace(const ConnectRace&) = delete;
  ConnectRace& operator=(const ConnectRace&) = delete;
  ~ConnectRace();

  bool await_ready();
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  // Errors: Errc::timed_out, or the errno of the last attempt that failed. Its side is local if
  // this machine lacked a resource.
  Result<Winner> await_resume();

 private:
  class Attempt;

  void start_next();
  // After an immediate refusal the next attempt starts in the next pass of the reactor.
  void start_next_later();
  bool record(Attempt& attempt, int outcome);
  void report(const Address& address, int outcome) const noexcept;
  void accept_outcome(Attempt& attempt, int outcome);
  void on_timer();
  void on_next();
  void give_up() noexcept;
  void settle() noexcept;
  void arm_timer() noexcept;
  bool is_over() const noexcept { return winner_ || failed_; }
  bool has_next() const noexcept { return attempts_.size() < addresses_.size(); }

  io::Reactor& reactor_;
  RaceOptions options_;
  std::span<const Address> addresses_;
  std::vector<std::unique_ptr<Attempt>> attempts_;  // one for each address tried, in order
  std::size_t running_ = 0;
  io::Time next_start_ = io::kNever;
  Attempt* winner_ = nullptr;
  bool failed_ = false;
  int last_error_ = 0;
  io::Timer timer_;
  io::Wakeup next_;
  io::Wakeup wakeup_;
};

}  // namespace onehop::net
