// SPDX-License-Identifier: Apache-2.0
//
// AskingClient: a client of either version of HTTP on a wire that may fail: sends one request after
// the other and says what has come of the last one. One thread.
#pragma once

#include "support/faulty_wire.hpp"
#include "support/h1_message.hpp"
#include "support/h2_peer.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace onehop::test {

enum class Protocol : std::uint8_t { h1, h2 };

// What is asked: every request says who it is (X-Id), and its content does, too.
struct Question {
  enum class Kind : std::uint8_t { plain, chunked, expects, upgrades };

  std::string_view name;
  std::string_view method = "GET";
  std::size_t size = 0;  // of the content
  Kind kind = Kind::plain;
};

// The only right content of that size for `id`.
std::string content_of(std::string_view id, std::size_t size);

// What a client has of the answer to its last request.
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

// For messages of failed tests.
std::string describe(const Received& received);

class AskingClient {
 public:
  static std::unique_ptr<AskingClient> make(Protocol protocol, testing::Wire wire);
  virtual ~AskingClient() = default;

  // Sends what does not wait for a 100, and the rest. The wire's plan counts from the first.
  virtual void ask(const Question& question, std::string_view id) = 0;
  virtual void send_rest() = 0;
  // Reads what has come, and answers what the protocol wants answered.
  virtual Received answer() = 0;
  // After an answer: the connection takes another request.
  virtual bool goes_on() = 0;
  FaultyWire& wire() noexcept { return wire_; }

 protected:
  explicit AskingClient(testing::Wire wire) : wire_(std::move(wire)) {}

  FaultyWire wire_;
  std::string rest_;
};

}  // namespace onehop::test
