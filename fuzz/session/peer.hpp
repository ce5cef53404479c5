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
  // Receives what there is, and goes.
  void close(bool with_reset = false);

 protected:
  virtual void begin(const Action& action) = 0;      // a request, or an answer
  virtual void go_on(const Action& action) = 0;      // with its content
  virtual void interject(const Action& action) = 0;  // a 1xx, a control frame
  virtual void send_odd(std::string_view octets, const Action& action) = 0;
  virtual void on_received(std::string_view octets) = 0;
  virtual void on_leave(bool /*reset*/) {}

  // Goes out now, or, when the action says so, together with what is sent next.
  void send(std::string_view text);
  void leave(std::uint8_t how);

  std::string_view name_;
  Ledger& ledger_;
  std::size_t index_;
  testing::Wire wire_;
  std::string held_;
  bool holds_ = false;
  bool closed_write_ = false;
  bool left_ = false;       // of its own will, before it had received everything
  bool was_reset_ = false;  // by the proxy
  bool at_end_ = false;
};

// To standard error, when FUZZ_TRACE is set.
void trace(std::string_view who, std::size_t index, std::string_view what, std::string_view octets);

// Kinds of actions that are refused to peers of good manners.
bool is_rude(const Action& action) noexcept;

}  // namespace onehop::fuzz
