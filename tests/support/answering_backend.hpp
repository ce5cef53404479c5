// SPDX-License-Identifier: Apache-2.0
//
// AnsweringBackend is the backend at one address of an in-memory network, over HTTP/1 or HTTP/2. It
// responds to each request with content derived from its X-Id, counts the requests per id, and lets
// one response fail as planned.
// Thread: owner.
#pragma once

#include "support/asking_client.hpp"
#include "support/faulty_wire.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::test {

struct Answer {
  enum class Framing : std::uint8_t { length, chunked, until_close, nothing };

  std::string_view name;
  Framing framing = Framing::length;
  bool hints = false;  // a 103 first
};

class AnsweringBackend {
 public:
  static std::unique_ptr<AnsweringBackend> make(Protocol protocol, testing::Network& network);
  virtual ~AnsweringBackend() = default;
  AnsweringBackend(const AnsweringBackend&) = delete;
  AnsweringBackend& operator=(const AnsweringBackend&) = delete;

  // The first request with this id gets this response, and the connection fails at the planned byte
  // of the response or, with `whole_connection`, at that byte of the next connection.
  struct Plan {
    std::string id;
    Answer answer = {};
    Fault fault = {};
    bool whole_connection = false;
    bool early = false;        // responds as soon as it has the head
    std::string surplus = {};  // sent after the response, unsolicited
  };
  void plan(Plan plan);

  // Accepts connections, reads requests and responds until there is no more work.
  void work();
  // Refuses new connections, as a fault may do, too.
  void refuse() { network_.refuse("backend:80"); }
  void listen() { network_.listen("backend:80"); }
  // Sends delayed bytes.
  void release();
  // Delays the response to requests with this id until answer_waiting().
  void keep_waiting(std::string id) { waits_ = std::move(id); }
  void answer_waiting();
  // Returns the number of requests with this id whose head has arrived, except those refused
  // unprocessed.
  int arrivals(std::string_view id) const;
  // Returns the complete requests by id, as they arrived.
  const std::map<std::string, H1Message>& requests() const noexcept { return whole_; }

  // Returns the bytes of the planned response that were sent.
  std::string_view gone() const;
  // Reports whether the connection was closed in an orderly way after these bytes.
  bool closed_in_order() const;
  // Returns the number of connections that the proxy has not closed.
  std::size_t open_connections();

 protected:
  struct Connection {
    explicit Connection(testing::Wire w) : wire(std::move(w)) {}
    virtual ~Connection() = default;
    FaultyWire wire;
  };

  AnsweringBackend(testing::Network& network) : network_(network) {}

  virtual std::unique_ptr<Connection> begin(testing::Wire wire) = 0;
  // Reads and responds. Returns true if there was work.
  virtual bool serve(Connection& connection) = 0;

  // For serve(): returns the plan if `id` matches and this is its first use.
  const Plan* plan_for(std::string_view id) const;
  void record_head(std::string_view id) { ++arrivals_[std::string(id)]; }
  void record_whole(std::string_view id, H1Message request) {
    whole_[std::string(id)] = std::move(request);
  }
  bool waits(std::string_view id) const { return waits_ == id; }
  // Begins or continues the planned response on `connection`.
  void send_planned(Connection& connection, std::string_view data);

 private:
  bool accept_one();

  testing::Network& network_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::map<std::string, int, std::less<>> arrivals_;
  std::map<std::string, H1Message> whole_;
  std::optional<Plan> plan_;
  Connection* planned_ = nullptr;
  std::string waits_;
};

}  // namespace onehop::test
