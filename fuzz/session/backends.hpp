// SPDX-License-Identifier: Apache-2.0
//
// The HTTP/1 and HTTP/2 backends of a fuzzed proxy. The bytes of an action's data choose, in order:
// status, framing, size, fields.
// Thread: owner.
#pragma once

#include "h1_messages.hpp"
#include "h2_messages.hpp"
#include "h2_output.hpp"
#include "peer.hpp"

#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace onehop::fuzz {

// A script's choices for one response.
struct AnswerChoice {
  explicit AnswerChoice(const Action& action, const Ledger& ledger) noexcept;

  enum class Framing : std::uint8_t { length, chunked, until_close };

  int status;
  Framing framing;
  std::size_t size;
  std::uint8_t fields;
  std::string_view challenge;  // a line, or empty

  bool has(unsigned bit) const noexcept { return ((fields >> bit) & 1U) != 0; }
  bool is_last() const noexcept { return has(0); }
  bool is_old() const noexcept { return has(1); }
  bool says_keep_alive() const noexcept { return has(2); }
  bool is_event_stream() const noexcept { return has(3); }
  bool announces_trailers() const noexcept { return has(4); }
  bool has_odd_fields() const noexcept { return has(5); }
  bool switches() const noexcept { return has(6); }
  bool comes_at_once() const noexcept { return has(7); }
};

// A burst of 1xx responses, with their number and size. Together they may exceed the forwarding
// limit.
struct HintChoice {
  explicit HintChoice(const Action& action) noexcept
      : count(1 + action.at(0) % 100), status(action.has_bit(2, 0) ? "103" : "102") {
    constexpr std::size_t kSizes[] = {2, 900, 4, 8000};
    size = kSizes[action.at(1) % 4U];
    if (action.has_bit(2, 1)) status = "100";
  }
  int count;
  std::size_t size;
  std::string_view status;
};
// Fewer than --max-informational.
inline constexpr int kPoliteHints = 60;

class H1Backend final : public Peer {
 public:
  H1Backend(Ledger& ledger, std::size_t index, testing::Wire wire)
      : Peer("backend", ledger, index, std::move(wire)) {}
  bool finish() override;
  void check() override;

 private:
  struct Asked {
    H1Message message;
    Said* said = nullptr;  // null if its number is unknown
    int hints = 0;
    bool answered = false;
    bool noted = false;
  };

  void begin(const Action& action) override;
  void go_on(const Action& action) override;
  void interject(const Action& action) override;
  void send_odd(std::string_view data, const Action& action) override;
  void burst(const Action& action) override;
  void on_received(std::string_view data) override;
  void on_leave(bool reset) override;

  void send_hint(std::string_view head);
  void check_user(const Asked& asked);
  void answer(const AnswerChoice& choice);
  void switch_protocols(Said& said);
  void send_content(std::size_t size);
  void end_content(bool with_trailers);
  bool waits() const noexcept { return !asked_.empty() && !asked_.back().answered; }
  void note(Asked& asked);
  void check_request(const H1Message& message);

  std::string received_;
  std::size_t parsed_ = 0;  // complete requests
  bool opaque_ = false;     // the bytes that follow may not be requests
  std::deque<Asked> asked_;
  Said* open_ = nullptr;  // the response whose content is not complete
  AnswerChoice::Framing framing_ = AnswerChoice::Framing::length;
  std::size_t left_to_send_ = 0;
  bool tunnel_ = false;
  const Said* user_ =
      nullptr;  // a request of the client for which this connection was authenticated
};

class H2Backend final : public Peer {
 public:
  H2Backend(Ledger& ledger, std::size_t index, testing::Wire wire, Windows windows);
  bool finish() override;
  void check() override;
  void take_all() override;

 private:
  struct Stream {
    Said* said = nullptr;     // null until a response begins
    Said* counted = nullptr;  // the request, if it has arrived and may have been processed
    Said* asked = nullptr;    // the request, if its number is known
    int hints = 0;
    std::size_t left = 0;
    bool has_length = false;
    bool open = false;
    bool is_reset = false;  // by us
    bool noted = false;
  };

  void begin(const Action& action) override;
  void go_on(const Action& action) override;
  void interject(const Action& action) override;
  void send_odd(std::string_view data, const Action& action) override;
  void burst(const Action& action) override;
  void go_away(const Action& action) override;
  void open(const Action& action) override;
  void on_received(std::string_view data) override;
  void on_sent(std::string_view data) override { messages_.record_sent(data); }

  void send_hint(std::uint32_t id, std::string_view block);
  // Marks the request as not processed, so that it may be repeated.
  static void uncount(Stream& stream) noexcept;
  void answer(std::uint32_t id, const AnswerChoice& choice, bool in_pieces);
  void send_content(std::uint32_t id, Stream& stream, std::size_t size, bool end);
  void note(std::uint32_t id, H2Message& message);
  // Returns a stream in that state, or 0.
  std::uint32_t choose(std::uint8_t choice, bool answered);

  H2Messages messages_;
  std::map<std::uint32_t, Stream> streams_;
  Windows windows_;
  std::uint32_t last_taken_ = 0x7fff'ffff;  // of our last GOAWAY
  bool is_odd_ = false;
  bool takes_no_more_ = false;  // the proxy has received our GOAWAY
};

}  // namespace onehop::fuzz
