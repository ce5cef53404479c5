// SPDX-License-Identifier: Apache-2.0
//
// The HTTP/1 and HTTP/2 clients of a fuzzed proxy. The bytes of an action's data choose, in order:
// method, framing, size, fields.
// Thread: owner.
#pragma once

#include "h2_messages.hpp"
#include "h2_output.hpp"
#include "peer.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop::fuzz {

// A script's choices for one request.
struct RequestChoice {
  RequestChoice(const Action& action, const Ledger& ledger) noexcept;

  enum class Framing : std::uint8_t { none, length, chunked };

  Method method;
  Framing framing;
  std::size_t size;
  std::uint8_t fields;
  std::string_view credentials;  // a line, or empty

  bool has(unsigned bit) const noexcept { return ((fields >> bit) & 1U) != 0; }
  bool asks_first() const noexcept { return has(0) && framing != Framing::none; }
  bool is_last() const noexcept { return has(1); }
  bool takes_trailers() const noexcept { return has(2); }
  bool upgrades() const noexcept { return has(3) && framing == Framing::none; }
  bool is_old() const noexcept { return has(4) && framing != Framing::chunked; }
  bool is_absolute() const noexcept { return has(5); }
  bool has_odd_fields() const noexcept { return has(6); }
  bool may_be_repeated() const noexcept { return has(7); }
};

class H1Client final : public Peer {
 public:
  H1Client(Ledger& ledger, std::size_t index, testing::Wire wire)
      : Peer("client", ledger, index, std::move(wire)) {}
  bool finish() override;
  void check() override;
  // Checks that every request got a complete response, up to the last one of the connection.
  void check_answered();

 private:
  void begin(const Action& action) override;
  void go_on(const Action& action) override;
  void interject(const Action& action) override;
  void send_odd(std::string_view data, const Action& action) override;
  void on_received(std::string_view data) override { received_ += data; }

  void send_content(std::size_t size);
  void end_content(bool with_trailers);
  // Returns false if the rest is not HTTP/1, but HTTP/2 or a tunnel.
  bool check_one(std::string_view& data, const Record& record);

  std::string received_;
  std::string sent_odd_;
  std::vector<Said*> asked_;
  Said* open_ = nullptr;  // the request whose content is not complete
  bool chunked_ = false;
  std::size_t left_to_send_ = 0;
  bool said_last_ = false;
  int empty_lines_ = 0;  // since the last request
};

class H2Client final : public Peer {
 public:
  H2Client(Ledger& ledger, std::size_t index, testing::Wire wire, Windows windows);
  bool finish() override;
  void check() override;
  void check_answered();
  void take_all() override;

 private:
  struct Stream {
    std::uint32_t id;
    Said* said;
    std::size_t left;  // to send; unbounded without a length
    bool has_length;
    bool open;  // our half
  };

  void begin(const Action& action) override;
  void go_on(const Action& action) override;
  void interject(const Action& action) override;
  void send_odd(std::string_view data, const Action& action) override;
  void go_away(const Action& action) override;
  void open(const Action& action) override;
  void on_received(std::string_view data) override;
  void on_sent(std::string_view data) override { messages_.record_sent(data); }

  void send_content(Stream& stream, std::size_t size, bool end);
  void end_with_trailers(Stream& stream);
  void check_answer(const Said& said, const H2Message& message);
  Stream* choose(std::uint8_t choice);

  H2Messages messages_;
  std::vector<Stream> streams_;
  std::uint32_t next_stream_ = 1;
  Windows windows_;
  bool said_goaway_ = false;
};

}  // namespace onehop::fuzz
