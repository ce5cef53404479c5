// SPDX-License-Identifier: Apache-2.0
//
// AnsweringBackend: everything behind one address of a network in memory, in either version of
// HTTP. It answers each request with content that belongs to its X-Id, counts how often each id
// came, and lets the answer to one of them fail as planned. One thread.
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

  // The first request with this id is answered so, and the connection fails at that byte of the
  // answer; with `whole_connection`, of all that is sent on its connection, which is the next one.
  struct Plan {
    std::string id;
    Answer answer = {};
    Fault fault = {};
    bool whole_connection = false;
    bool early = false;        // answers when the head is there
    std::string surplus = {};  // goes out behind the answer, which nobody has asked for
  };
  void plan(Plan plan);

  // Takes connections and requests, and answers them, until nothing more happens.
  void work();
  // Whether it takes connections; a fault may be that it does not any more.
  void refuse() { network_.refuse("backend:80"); }
  void listen() { network_.listen("backend:80"); }
  // What is held back by a delay goes out.
  void release();
  // This id is not answered until answer_waiting().
  void keep_waiting(std::string id) { waits_ = std::move(id); }
  void answer_waiting();
  // Requests whose head has come with this id, those that were refused unprocessed excepted.
  int arrivals(std::string_view id) const;
  // The requests that have come to their end, by id: method and content, as they arrived.
  const std::map<std::string, H1Message>& requests() const noexcept { return whole_; }

  // The planned answer's bytes, as they went out.
  std::string_view gone() const;
  // The connection was closed in order behind them.
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
  // Reads and answers; true when it did something.
  virtual bool serve(Connection& connection) = 0;

  // For serve(): the plan, if `id` is the one it is for and this is its first time.
  const Plan* plan_for(std::string_view id) const;
  void note_head(std::string_view id) { ++arrivals_[std::string(id)]; }
  void note_whole(std::string_view id, H1Message request) {
    whole_[std::string(id)] = std::move(request);
  }
  bool waits(std::string_view id) const { return waits_ == id; }
  // Begins the planned answer on `connection`, or adds to it.
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
