// SPDX-License-Identifier: Apache-2.0
//
// AnsweringBackend: the backend at one address of an in-memory network, in either version of HTTP.
// It responds to each request with content that belongs to its X-Id, counts the requests per id,
// and lets one response fail as planned.
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

  // The first request with this id gets this response, and the connection fails at that byte of the
  // response; with `whole_connection`, at that byte of its next connection.
  struct Plan {
    std::string id;
    Answer answer = {};
    Fault fault = {};
    bool whole_connection = false;
    bool early = false;        // answers when the head is there
    std::string surplus = {};  // sent after the response, unsolicited
  };
  void plan(Plan plan);

  // Accepts connections, reads requests and responds until no more work is left.
  void work();
  // Refuses new connections; a fault may do that too.
  void refuse() { network_.refuse("backend:80"); }
  void listen() { network_.listen("backend:80"); }
  // Sends delayed bytes.
  void release();
  // Requests with this id get no response until answer_waiting().
  void keep_waiting(std::string id) { waits_ = std::move(id); }
  void answer_waiting();
  // Requests with this id whose head has arrived, except those refused unprocessed.
  int arrivals(std::string_view id) const;
  // The complete requests by id: method and content, as they arrived.
  const std::map<std::string, H1Message>& requests() const noexcept { return whole_; }

  // The bytes of the planned response, as sent.
  std::string_view gone() const;
  // The connection was closed in an orderly way after them.
  bool closed_in_order() const;
  // Connections that the proxy has not closed.
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
  // Begins the planned response on `connection`, or adds to it.
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
