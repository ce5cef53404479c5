// SPDX-License-Identifier: Apache-2.0
//
// Peer is one fuzzed end of a connection with the proxy. It performs the actions of a script,
// records the bytes that it receives, and checks them against the ledger at the end. If FUZZ_TRACE
// is set in the environment, it prints the bytes on the wire.
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

  // Performs one action, or skips it if it is impossible.
  void act(const Action& action);
  // Completes the messages that the peer has begun; a backend also responds to its requests.
  // Returns true if there was work.
  virtual bool finish() = 0;
  // Checks the received bytes, once the proxy has ended everything.
  virtual void check() = 0;

  void receive();
  void flush();
  bool has_left() const noexcept { return left_; }
  // Reads all input from then on, from the socket and through windows.
  virtual void take_all();
  // Returns the number of bytes received.
  std::uint64_t taken() const noexcept { return taken_; }
  // Returns the number of requests that the peer may have begun, complete or not.
  std::size_t begun() const noexcept { return begun_; }
  static constexpr std::size_t kMaxOddRequests = 10;  // in arbitrary bytes
  // Receives the available bytes and closes.
  void close(bool with_reset = false);

 protected:
  virtual void begin(const Action& action) = 0;      // a request, or a response
  virtual void go_on(const Action& action) = 0;      // continue its content
  virtual void interject(const Action& action) = 0;  // send a 1xx or a control frame
  virtual void send_odd(std::string_view data, const Action& action) = 0;
  // For scripts with scenes: sends many 1xx at once; refuses further requests with a GOAWAY;
  // enlarges windows a little or by all bytes read.
  virtual void burst(const Action& /*action*/) {}
  virtual void go_away(const Action& /*action*/) {}
  virtual void open(const Action& /*action*/) {}
  virtual void on_received(std::string_view data) = 0;
  virtual void on_leave(bool /*reset*/) {}
  virtual void on_sent(std::string_view /*bytes*/) {}

  // Sends `text` now, or together with the next text if the action says so.
  void send(std::string_view text);
  void leave(std::uint8_t how);
  // For clients: checks that the response is to their own request, after that many 1xx.
  void check_is_ours(const Said& answer, std::size_t informational) const;
  // Makes the peer read few bytes from its socket, or none.
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
  bool left_ = false;       // by its own choice, before it had received everything
  bool was_reset_ = false;  // by the proxy
  bool at_end_ = false;
};

// Prints to standard error if FUZZ_TRACE is set.
void trace(std::string_view who, std::size_t index, std::string_view what, std::string_view data);

// Reports whether polite peers skip the action.
bool is_rude(const Action& action, bool has_scenes) noexcept;

}  // namespace onehop::fuzz
