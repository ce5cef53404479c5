// SPDX-License-Identifier: Apache-2.0
//
// FaultMatrix runs a client, the proxy and a backend in one process, with any pair of HTTP
// versions. It runs exchanges in which something fails, and judges each outcome and the exchanges
// that follow.
// Thread: owner.
#pragma once

#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "support/answering_backend.hpp"
#include "support/asking_client.hpp"
#include "support/messages.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::test {

struct Protocols {
  Protocol client = Protocol::h1;
  Protocol backend = Protocol::h1;
};

class FaultMatrix {
 public:
  explicit FaultMatrix(Protocols protocols);

  struct Case {
    Question question;
    Answer answer = {};
    Fault backend = {};               // in the backend's output
    bool from_connect = false;        // counts from the beginning of the backend's connection
    Fault client = {};                // in the client's output
    bool on_used_connection = false;  // the connections have carried a request
    bool refuses = false;             // the backend refuses connections
    bool early = false;               // the backend responds before it has the content
    std::string surplus = {};         // sent after the backend's response
    Way leaving = Way::none;          // of the client, while the backend's response is delayed
  };
  // Runs a case. Returns the problem with the outcome, or "".
  std::string run(const Case& wanted);

  // Runs a case for each byte at which the fault at `place` can happen, in each of these ways.
  // Returns at most the first five problems.
  using Place = Fault Case::*;
  std::vector<std::string> run_everywhere(Case wanted, Place place, const std::vector<Way>& ways);

  // Stops the backend's response before each of its bytes, lets the client leave in each of these
  // ways, and then lets the backend send the rest.
  std::vector<std::string> leave_everywhere(Case wanted, const std::vector<Way>& ways);

  std::size_t cases() const noexcept { return number_; }
  // The counts of outcomes, to show that they differ.
  std::size_t whole() const noexcept { return whole_; }
  std::size_t failures() const noexcept { return failures_; }
  std::size_t broken() const noexcept { return broken_; }

 private:
  std::string run_and_leave(const Case& wanted);
  std::unique_ptr<AskingClient> connect();
  std::string id_of(std::string_view what) const;
  std::string begin(const Case& wanted, AskingClient& client);
  std::string go_on(const Case& wanted, AskingClient& client, AskingClient& bystander);
  // Waits until the client has a response or a failure.
  Received wait_for(AskingClient& client);
  void count();
  std::string judge(const Case& wanted, AskingClient& client);
  std::string judge_answer(const Case& wanted) const;
  std::string judge_requests(const Case& wanted, AskingClient& client) const;
  std::string judge_record(const Case& wanted);
  bool is_whole_answer(const Case& wanted) const;
  bool is_answer_of_h1(const Case& wanted) const;
  bool is_answer_of_h2(const Case& wanted) const;
  bool is_own_failure() const;
  bool is_pausing(const Case& wanted) const;
  std::string ask_next(AskingClient& client, std::string_view what, std::string_view method);
  std::string ask_more(AskingClient& client);
  std::string judge_rest();

  Protocols protocols_;
  ExchangeLog exchanges_;
  testing::Network network_;
  std::shared_ptr<Transport> transport_;
  std::unique_ptr<AnsweringBackend> backend_;
  std::size_t number_ = 0;
  std::size_t whole_ = 0;
  std::size_t failures_ = 0;
  std::size_t broken_ = 0;
  std::size_t records_ = 0;   // before the exchange under test
  std::size_t request_ = 0;   // bytes of its request without a fault
  std::size_t response_ = 0;  // bytes of its response without a fault
  std::string id_;
  std::string client_sent_;
  std::string planned_sent_;  // by the backend, before any other response
  std::string backend_sent_;
  bool backend_closed_ = false;
  bool bystander_whole_ = false;
  bool has_ended_ = true;  // according to its record
  Received received_;
};

}  // namespace onehop::test
