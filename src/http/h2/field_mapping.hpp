// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 field sections and the messages they mean (RFC 9113 §8.2, §8.3, §8.5; RFC 8441). What
// comes in is checked before anything is made of it, so that nothing in a field can mean more than
// a field once it is written as HTTP/1. What goes out is written afresh. Pure; one thread.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace onehop::h2 {

// The limits of a head are the same over HTTP/1 and HTTP/2, so that a message which one of them
// brings can be sent over the other.
struct FieldLimits {
  // "GET /path HTTP/1.1": the method and the path, as the request line of HTTP/1 has them.
  std::size_t max_start_line = 16 * 1024;
  // name + value + 32 for each field. :authority counts as the Host field that it becomes.
  std::size_t max_bytes = 64 * 1024;
  std::size_t max_fields = 256;

  std::size_t most() const noexcept { return max_start_line + max_bytes; }
};

// Where interim responses are kept until all of them are taken, and how much there is.
struct InterimMemory {
  ArenaRef arena;
  std::size_t bytes = 0;
};
// One that comes when there are so many bytes is dropped.
inline constexpr std::size_t kMaxInterim = std::size_t{64} * 1024;

// A field section that is being received. Text is copied into the arena, laid out as HTTP/1 writes
// it.
class FieldSection {
 public:
  enum class Kind : std::uint8_t { request, response, trailers };

  // `side`: who sent it, and so who is to blame.
  FieldSection(Kind kind, Side side, ArenaRef arena, const FieldLimits& limits);

  // Where an interim response is kept instead, so that its memory can go before the arena's. The
  // place outlives this.
  void keep_interim_in(InterimMemory& place) noexcept { interim_ = &place; }
  // There was too much in that place: nothing is kept of it.
  bool is_dropped() const noexcept { return dropped_; }

  // The next line. Past the limits nothing is kept any more.
  void add(std::string_view name, std::string_view value);
  // So much counts of it so far.
  std::size_t size() const noexcept { return bytes_; }
  // So far past the limits that reading it to its end, for an answer, is work for nothing.
  bool is_bomb() const noexcept { return bytes_ > most_worth_reading(limits_); }
  static std::size_t most_worth_reading(const FieldLimits& limits) noexcept {
    return 4 * limits.most();
  }
  // What is wrong with it so far; null when nothing is.
  const char* problem() const noexcept { return problem_; }
  // The same when all of it has come, with what cannot be known before.
  const char* finish() noexcept;
  // Of a head.
  std::optional<std::uint64_t> content_length() const noexcept { return content_length_; }
  // A response that is not the final one.
  bool is_informational() const noexcept { return status_.starts_with('1'); }
  std::string_view status() const noexcept { return status_; }
  // What the log may say of a request, even of one that is refused.
  std::string_view method() const noexcept { return method_; }
  std::string_view path() const noexcept { return path_; }
  std::string_view authority() const noexcept { return authority_; }
  // The regular fields so far; none once they were taken.
  const Headers& headers() const noexcept { return headers_; }

  // The message, without content. An extended CONNECT for a WebSocket becomes the GET with Upgrade
  // that HTTP/1.1 has for it. Errors: bad_request, request_line_too_long, head_too_large,
  // unsupported_method (CONNECT).
  Result<Request> take_request();
  // Errors: bad_response, response_head_too_large.
  Result<Response> take_response();
  // Without the fields that may not be trailers.
  Result<Headers> take_trailers();

 private:
  bool count(std::string_view name, std::string_view value) noexcept;
  void add_pseudo(std::string_view name, std::string_view value);
  void add_regular(std::string_view name, std::string_view value);
  void take_pseudo(std::string_view& place, std::string_view value);
  void append(FieldId id, std::string_view name, std::string_view value);
  void note_length(std::string_view value);
  void finish_request() noexcept;
  void finish_response() noexcept;
  void fail(const char* problem) noexcept {
    if (!problem_) problem_ = problem;
  }
  void move_to_interim();
  void fail_in(std::string_view name, std::string_view problem);
  Error malformed() const;
  Result<void> check() const;
  Result<void> settle_host();
  void join_cookies();
  void become_upgrade();

  ArenaRef arena_;
  ArenaRef memory_;                   // of the text
  InterimMemory* interim_ = nullptr;  // null as well when it is no interim response
  Headers headers_;
  FieldLimits limits_;
  std::string_view method_;
  std::string_view scheme_;
  std::string_view authority_;
  std::string_view path_;
  std::string_view protocol_;
  std::string_view status_;
  const char* problem_ = nullptr;
  std::optional<std::uint64_t> content_length_;
  std::size_t bytes_ = 0;  // of all lines, as RFC 9113 §6.5.2 counts them
  std::size_t start_line_ = 0;
  std::size_t field_bytes_ = 0;
  std::size_t fields_ = 0;
  std::size_t cookies_ = 0;
  Kind kind_;
  Side side_;
  bool regular_seen_ = false;
  bool dropped_ = false;
  bool line_too_long_ = false;
  bool too_large_ = false;
};

// A list of lines about to be sent: names in lower case, pseudo-fields first. Views.
using FieldList = std::vector<Field>;

struct ResponseFraming {
  std::optional<std::uint64_t> length = {};  // of the content, when known
  bool keep_content_length = false;          // for HEAD and 304: the message's own goes out
  bool announce_trailers = false;            // the Trailer field, if there is one, means something
  std::string_view date = {};                // added when the message has none; "" adds none
};

// `memory` takes what has to be written anew; it and the message outlive the list.
void write_response(Status status,
                    const Headers& headers,
                    const ResponseFraming& framing,
                    Arena& memory,
                    FieldList& out);

struct RequestFraming {
  std::optional<std::uint64_t> length = {};  // of the content, when known and worth saying
  bool announce_trailers = false;
  bool extended_connect = false;  // :protocol is the value of the Upgrade field
  std::string_view scheme = "http";
};
void write_request(const Request& request,
                   const RequestFraming& framing,
                   Arena& memory,
                   FieldList& out);

// Without the fields that may not be trailers.
void write_trailers(const Headers& trailers, Arena& memory, FieldList& out);

}  // namespace onehop::h2
