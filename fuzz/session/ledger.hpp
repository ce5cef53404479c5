// SPDX-License-Identifier: Apache-2.0
//
// Ledger records the messages of the peers of a fuzzed proxy, and the proxy's exchange records, so
// that each message from the proxy can be compared with the message that entered it. A field of
// each message has its number and a mark that depends on the whole input, so that scripts cannot
// forge it. Content repeats one letter.
// Thread: owner.
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
  std::string target;  // of the request, or of the request that this is the response to
  Method method;       // likewise
  int status = 0;      // of a response
  bool unasked = false;
  bool upgrade = false;
  std::uint64_t sent = 0;  // bytes of content
  bool ended = false;      // all content was sent, with the end that its framing requires
  std::size_t arrived = 0;
  std::size_t hints = 0;        // of a request: the 1xx that backends sent for it
  const Said* asked = nullptr;  // of a response: the request, if its number is known

  char letter() const noexcept { return static_cast<char>('A' + number % 26); }
  std::string text(std::size_t size) const { return std::string(size, letter()); }
};

// The kept part of an ExchangeRecord.
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

// Returns the target that a backend receives for the target in a record. The backend's URL has no
// path.
std::string forwarded_target(const std::string& target);

class Ledger {
 public:
  static constexpr std::string_view kRequestField = "x-asked";
  static constexpr std::string_view kAnswerField = "x-answered";
  static constexpr std::size_t kPeers = 16;

  // Choices from this one on mean sizes beyond all windows and buffers.
  static constexpr std::uint8_t kFloods = 240;
  static constexpr std::size_t kFlood = 500'000;

  explicit Ledger(std::string_view input) noexcept;

  // Whether every peer obeys the rules, so that every request must get its response.
  bool is_polite = false;
  // Whether the script has more kinds of actions and HTTP/2 peers obey the proxy's windows.
  bool has_scenes = false;
  // Whether messages use NTLM and Negotiate.
  bool has_authentication = false;
  // The maximum content of one action. With it, polite peers stay within windows without tracking
  // them.
  std::size_t max_content = ~std::size_t{0};
  std::size_t size_of(std::uint8_t choice) const noexcept {
    const bool is_flood = has_scenes && !is_polite && choice >= kFloods;
    return std::min(is_flood ? kFlood : content_size(choice), max_content);
  }

  // Begins a message. The references stay valid.
  Said& ask(std::size_t client);
  Said& answer(std::size_t backend);
  std::string mark(std::string_view field, const Said& said) const;
  // Returns null if the value is not a mark of this run.
  Said* request_of(std::string_view value) { return find(kRequestField, asked_, value); }
  Said* answer_of(std::string_view value) { return find(kAnswerField, answered_, value); }
  std::deque<Said>& requests() noexcept { return asked_; }
  // The maximum content that the proxy keeps for a retry.
  std::size_t max_replayed = 0;
  // Reports whether a request has reached no backend and its content cannot be sent again.
  bool has_unrepeatable() const noexcept;
  // Returns the number of bytes of content of all requests and responses.
  std::uint64_t content_said() const noexcept;

  // Mark peers that have sent arbitrary bytes, so that their messages may not be those that
  // arrived.
  void client_is_odd(std::size_t index) noexcept { odd_clients_[index % kPeers] = true; }
  void backend_is_odd(std::size_t index) noexcept { odd_backends_[index % kPeers] = true; }
  bool is_plain_request(const Said& said) const noexcept { return !odd_clients_[said.peer]; }
  bool is_plain_answer(const Said& said) const noexcept { return !odd_backends_[said.peer]; }

  // Returns the records of one client's connection, in the order in which the exchanges ended.
  std::vector<Record>& records(std::size_t client) { return records_[client % kPeers]; }

  // record_arrival() records that a request reached a backend as `method` and `target`;
  // check_arrivals() aborts if requests reached backends more often than the records have attempts.
  void record_arrival(const Method& method, std::string_view target);
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
