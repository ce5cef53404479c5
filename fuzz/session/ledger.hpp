// SPDX-License-Identifier: Apache-2.0
//
// Ledger: what the peers of a fuzzed proxy have said, and what the proxy's records say, so that
// each message that comes out of it can be held against the one that went in. A message carries its
// number in a field with a mark that depends on the whole input: no script can forge one. Content
// is a run of one letter. One thread.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/method.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::fuzz {

// A message that a peer has begun.
struct Said {
  std::size_t number = 0;
  std::size_t peer = 0;
  std::string target;  // of the request, or of the one that is answered
  Method method;       // the same
  int status = 0;      // of an answer
  bool unasked = false;
  bool upgrade = false;
  std::uint64_t sent = 0;  // bytes of content
  bool ended = false;      // all of it, with the end its framing asks for
  std::size_t arrived = 0;
  std::size_t hints = 0;        // of a request: the 1xx that backends sent for it
  const Said* asked = nullptr;  // of an answer: the request, where that has told its number

  char letter() const noexcept { return static_cast<char>('A' + number % 26); }
  std::string text(std::size_t size) const { return std::string(size, letter()); }
};

// What is kept of an ExchangeRecord.
struct Record {
  explicit Record(const ExchangeRecord& exchange);

  Method method;
  Version version;
  std::string target;
  int status;
  Outcome outcome;
  std::uint64_t request_body;
  std::uint64_t response_body;
  bool upgraded;
  unsigned attempts;
};

// How the target of a record goes to the backend, whose own URL has no path.
std::string forwarded_target(const std::string& target);

class Ledger {
 public:
  static constexpr std::string_view kRequestField = "x-asked";
  static constexpr std::string_view kAnswerField = "x-answered";
  static constexpr std::size_t kPeers = 16;

  // Choices of a size that is beyond all windows and buffers.
  static constexpr std::uint8_t kFloods = 240;
  static constexpr std::size_t kFlood = 500'000;

  explicit Ledger(std::string_view input) noexcept;

  // Every peer keeps to the rules, so that every request has to get its answer.
  bool is_polite = false;
  // The script has more kinds of actions, and peers of HTTP/2 keep to the proxy's windows.
  bool has_scenes = false;
  // Messages say NTLM and Negotiate.
  bool has_authentication = false;
  // Of content in one action: polite peers stay within windows that they do not look at.
  std::size_t most_content = ~std::size_t{0};
  std::size_t size_of(std::uint8_t choice) const noexcept {
    const bool is_flood = has_scenes && !is_polite && choice >= kFloods;
    return std::min(is_flood ? kFlood : content_size(choice), most_content);
  }

  // The references stay valid.
  Said& ask(std::size_t client);
  Said& answer(std::size_t backend);
  std::string mark(std::string_view field, const Said& said) const;
  // Null when the value is no mark of this run.
  Said* request_of(std::string_view value) { return find(kRequestField, asked_, value); }
  Said* answer_of(std::string_view value) { return find(kAnswerField, answered_, value); }
  std::deque<Said>& requests() noexcept { return asked_; }
  // Content that the proxy keeps to send it again.
  std::size_t most_replayed = 0;
  // A request that no backend has seen, and whose content may not be sent again.
  bool has_unrepeatable() const noexcept;
  // Content, of requests and of answers.
  std::uint64_t content_said() const noexcept;

  // Peers that have sent bytes of nobody's making: what they said may not be what arrived.
  void client_is_odd(std::size_t index) noexcept { odd_clients_[index % kPeers] = true; }
  void backend_is_odd(std::size_t index) noexcept { odd_backends_[index % kPeers] = true; }
  bool is_plain_request(const Said& said) const noexcept { return !odd_clients_[said.peer]; }
  bool is_plain_answer(const Said& said) const noexcept { return !odd_backends_[said.peer]; }

  // The records of one client's connection, in the order in which the exchanges ended.
  std::vector<Record>& records(std::size_t client) { return records_[client % kPeers]; }

  // A request reached a backend as `method` and `target`. Aborts when there are more of them than
  // the records' attempts.
  void note_arrival(const Method& method, std::string_view target);
  void check_arrivals();

 private:
  struct Arrivals {
    Method method;
    std::string target;
    std::size_t count;
  };
  Said* find(std::string_view field, std::deque<Said>& all, std::string_view value);

  std::size_t secret_;
  std::deque<Said> asked_;
  std::deque<Said> answered_;
  std::vector<Arrivals> arrivals_;
  bool odd_clients_[kPeers] = {};
  bool odd_backends_[kPeers] = {};
  std::vector<Record> records_[kPeers];
};

}  // namespace onehop::fuzz
