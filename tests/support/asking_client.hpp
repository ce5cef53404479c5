// SPDX-License-Identifier: Apache-2.0
//
// AskingClient is a client of either HTTP version on a wire that may fail. It sends one request at
// a time and reports the outcome of the last one.
// Thread: owner.
#pragma once

#include "support/faulty_wire.hpp"
#include "support/h1_message.hpp"
#include "support/h2_peer.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace onehop::test {

enum class Protocol : std::uint8_t { h1, h2 };

// A request. X-Id and the content identify it.
struct Question {
  enum class Kind : std::uint8_t { plain, chunked, expects, upgrades };

  std::string_view name;
  std::string_view method = "GET";
  std::size_t size = 0;  // of the content
  Kind kind = Kind::plain;
};

// Returns the only valid content of that size for `id`.
std::string content_of(std::string_view id, std::size_t size);

// The response to the client's last request, as far as it has arrived.
struct Received {
  enum class End : std::uint8_t { open, whole, broken };

  End end = End::open;
  bool has_head = false;
  int status = 0;
  Lines fields;
  std::string body;
  Lines trailers;

  bool is_whole() const noexcept { return end == End::whole; }
};

// Describes a response for the messages of failed tests.
std::string describe(const Received& received);

class AskingClient {
 public:
  static std::unique_ptr<AskingClient> make(Protocol protocol, testing::Wire wire);
  virtual ~AskingClient() = default;

  // ask() sends the part of the request that does not wait for a 100, and send_rest() the rest. The
  // wire's fault counts from the first byte.
  virtual void ask(const Question& question, std::string_view id) = 0;
  virtual void send_rest() = 0;
  // Reads the available bytes and sends the replies that the protocol requires.
  virtual Received answer() = 0;
  // Reports whether the connection accepts another request after a response.
  virtual bool goes_on() = 0;
  FaultyWire& wire() noexcept { return wire_; }

 protected:
  explicit AskingClient(testing::Wire wire) : wire_(std::move(wire)) {}

  FaultyWire wire_;
  std::string rest_;
};

}  // namespace onehop::test
