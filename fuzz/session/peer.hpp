// SPDX-License-Identifier: Apache-2.0
//
// Peer: one fuzzed end of a connection with the proxy. It does what the actions of a script say,
// remembers everything it received, and holds that against the ledger at the end. With FUZZ_TRACE
// in the environment it tells what goes over the wire. One thread.
#pragma once

#include <onehop/testing.hpp>

#include "ledger.hpp"
#include "script.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::fuzz {

class Peer {
 public:
  Peer(std::string_view name, Ledger& ledger, std::size_t index, testing::Wire wire)
      : name_(name), ledger_(ledger), index_(index), wire_(std::move(wire)) {}
  virtual ~Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // One action; what makes no sense now is passed over.
  void act(const Action& action);
  // Finishes in an orderly way what it has begun, and (a backend) answers what was asked. True when
  // there was something to do.
  virtual bool finish() = 0;
  // When the proxy has ended everything.
  virtual void check() = 0;

  void receive();
  void flush();
  bool has_left() const noexcept { return left_; }
  // Takes all there is from now on, from the socket and through windows.
  virtual void take_all();
  // Bytes that have arrived here.
  std::uint64_t taken() const noexcept { return taken_; }
  // Requests that it may have begun, whole ones or not.
  std::size_t begun() const noexcept { return begun_; }
  static constexpr std::size_t kMaxOddRequests = 10;  // in bytes of nobody's making
  // Receives what there is, and goes.
  void close(bool with_reset = false);

 protected:
  virtual void begin(const Action& action) = 0;      // a request, or an answer
  virtual void go_on(const Action& action) = 0;      // with its content
  virtual void interject(const Action& action) = 0;  // a 1xx, a control frame
  virtual void send_odd(std::string_view data, const Action& action) = 0;
  // What only scripts with scenes ask for. Many 1xx at once; no further requests, by GOAWAY;
  // windows, a little or all that was taken.
  virtual void burst(const Action& /*action*/) {}
  virtual void go_away(const Action& /*action*/) {}
  virtual void open(const Action& /*action*/) {}
  virtual void on_received(std::string_view data) = 0;
  virtual void on_leave(bool /*reset*/) {}
  virtual void on_sent(std::string_view /*bytes*/) {}

  // Goes out now, or, when the action says so, together with what is sent next.
  void send(std::string_view text);
  void leave(std::uint8_t how);
  // Of a client: nobody else asked for what has arrived here, behind so many 1xx.
  void check_is_ours(const Said& answer, std::size_t informational) const;
  // Takes few bytes from its socket, or none.
  void stall(const Action& action);

  std::string_view name_;
  Ledger& ledger_;
  std::size_t index_;
  testing::Wire wire_;
  std::string held_;
  std::size_t begun_ = 0;
  std::uint64_t taken_ = 0;
  bool holds_ = false;
  bool is_stalled_ = false;  // its socket
  bool closed_write_ = false;
  bool left_ = false;       // of its own will, before it had received everything
  bool was_reset_ = false;  // by the proxy
  bool at_end_ = false;
};

// To standard error, when FUZZ_TRACE is set.
void trace(std::string_view who, std::size_t index, std::string_view what, std::string_view data);

// Kinds of actions that are refused to peers of good manners.
bool is_rude(const Action& action, bool has_scenes) noexcept;

}  // namespace onehop::fuzz
