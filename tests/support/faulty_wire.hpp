// SPDX-License-Identifier: Apache-2.0
//
// FaultyWire is one end of an in-memory connection that fails at a given byte of its output, which
// it records.
// Thread: owner.
#pragma once

#include <onehop/testing.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::test {

// refuse: like close, but the address first refuses further connections.
enum class Way : std::uint8_t { none, close, half_close, reset, refuse, stall, delay, garble };

std::string_view name_of(Way way);

struct Fault {
  Way way = Way::none;
  std::size_t at = 0;  // the number of bytes sent before the fault
  char byte = 0;       // for garble: replaces the byte at `at`
};

class FaultyWire {
 public:
  explicit FaultyWire(testing::Wire wire) : wire_(std::move(wire)) {}

  // Sets the function to call for a `refuse`.
  void on_refusal(std::function<void()> tell) { tell_ = std::move(tell); }
  // Plans the fault, counting from the next byte sent.
  void plan(Fault fault) {
    if (fault.way != Way::none) fault_ = fault;
    base_ = gone_.size();
  }
  void send(std::string_view data);
  // Sends delayed bytes.
  void release();
  void close() { end(Way::close); }
  // Closes, half-closes, resets or goes silent now.
  void end(Way way);
  std::string receive() { return wire_.receive(); }

  // Returns the bytes sent since plan(), as the other end receives them.
  std::string_view gone() const { return std::string_view(gone_).substr(base_); }
  // Reports whether this end has closed in an orderly way.
  bool has_closed() const noexcept { return over_ && closed_; }
  // Reports whether this end has stopped sending.
  bool is_over() const noexcept { return over_; }
  // Reports whether either end has closed.
  bool is_dead() { return wire_.at_end(); }
  testing::Wire& wire() noexcept { return wire_; }

 private:
  void pass(std::string_view data);

  testing::Wire wire_;
  std::optional<Fault> fault_;
  std::function<void()> tell_;
  std::string gone_;
  std::size_t base_ = 0;
  std::string held_;
  bool holds_ = false;
  bool over_ = false;
  bool closed_ = false;
};

}  // namespace onehop::test
