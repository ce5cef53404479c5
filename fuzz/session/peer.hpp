// SPDX-License-Identifier: Apache-2.0
//
// Peer: one fuzzed end of a connection with the proxy. It performs the actions of a script, records
// the bytes it received, and checks them against the ledger at the end. With FUZZ_TRACE in the
// environment it prints the bytes on the wire.
// Thread: owner.
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

  // Performs one action; an impossible one is skipped.
  void act(const Action& action);
  // Completes the messages that it has begun; a backend also responds to its requests. Returns true
  // if there was work.
  virtual bool finish() = 0;
  // Checks the received bytes, once the proxy has ended everything.
  virtual void check() = 0;

  void receive();
  void flush();
  bool has_left() const noexcept { return left_; }
  // Reads all input from now on, from the socket and through windows.
  virtual void take_all();
  // Bytes that have arrived here.
  std::uint64_t taken() const noexcept { return taken_; }
  // Requests that it may have begun, complete or not.
  std::size_t begun() const noexcept { return begun_; }
  static constexpr std::size_t kMaxOddRequests = 10;  // in arbitrary bytes
  // Receives the available bytes and closes.
  void close(bool with_reset = false);

 protected:
  virtual void begin(const Action& action) = 0;      // a request, or a response
  virtual void go_on(const Action& action) = 0;      // with its content
  virtual void interject(const Action& action) = 0;  // a 1xx, a control frame
  virtual void send_odd(std::string_view data, const Action& action) = 0;
  // For scripts with scenes: many 1xx at once; no further requests, by GOAWAY; windows, enlarged a
  // little or by all bytes read.
  virtual void burst(const Action& /*action*/) {}
  virtual void go_away(const Action& /*action*/) {}
  virtual void open(const Action& /*action*/) {}
  virtual void on_received(std::string_view data) = 0;
  virtual void on_leave(bool /*reset*/) {}
  virtual void on_sent(std::string_view /*bytes*/) {}

  // Sends `text` now, or together with the next text if the action says so.
  void send(std::string_view text);
  void leave(std::uint8_t how);
  // Of a client: checks that the response is to its own request, after that many 1xx.
  void check_is_ours(const Said& answer, std::size_t informational) const;
  // Reads few bytes from its socket, or none.
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

// Prints to standard error if FUZZ_TRACE is set.
void trace(std::string_view who, std::size_t index, std::string_view what, std::string_view data);

// Reports whether polite peers skip the action.
bool is_rude(const Action& action, bool has_scenes) noexcept;

}  // namespace onehop::fuzz
