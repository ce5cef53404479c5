// SPDX-License-Identifier: Apache-2.0
//
// Maps HTTP/2 field sections to messages and back (RFC 9113 §8.2, §8.3, §8.5; RFC 8441). Input is
// validated before it becomes a message, so that a field written as HTTP/1 cannot be read as
// anything else. Output is written from scratch.
// Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "base/arena.hpp"
#include "base/check.hpp"
#include "http/field_names.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace onehop::h2 {

// The limits of a head. They are the same for HTTP/1 and HTTP/2, so that a message received over
// one can be sent over the other.
struct FieldLimits {
  // The size of the request line that HTTP/1 would have, such as "GET /path HTTP/1.1", in bytes.
  std::size_t max_start_line = 16 * 1024;
  // The sum of name + value + 32 over all fields. :authority counts as the Host field that it
  // becomes.
  std::size_t max_bytes = 64 * 1024;
  std::size_t max_fields = 256;

  std::size_t max_size() const noexcept { return max_start_line + max_bytes; }
};

// Holds interim responses until all of them are taken, and counts their bytes.
struct InterimMemory {
  ArenaRef arena;
  std::size_t bytes = 0;
};
// An interim response that arrives while at least this many bytes are held is dropped.
inline constexpr std::size_t kMaxInterim = std::size_t{64} * 1024;

// FieldSection is a field section that is being received. Its text is copied into the arena in the
// layout of HTTP/1.
class FieldSection {
 public:
  enum class Kind : std::uint8_t { request, response, trailers };

  // `side` is the sender, which errors blame.
  FieldSection(Kind kind, Side side, ArenaRef arena, const FieldLimits& limits);

  // Keeps an interim response in `place` instead of the arena, so that its memory is freed earlier.
  // `place` must outlive this object.
  void keep_interim_in(InterimMemory& place) noexcept { interim_ = &place; }
  // Reports whether the section was dropped because `place` was full.
  bool is_dropped() const noexcept { return dropped_; }

  // Adds the next line. Once a limit is exceeded, lines are counted but not kept.
  void add(std::string_view name, std::string_view value);
  // Returns the size of all lines so far, as counted by RFC 9113 §6.5.2.
  std::size_t size() const noexcept { return bytes_; }
  // Reports whether the section is so far over its limits that reading the rest, to send a
  // response, is not worth the work.
  bool is_far_over_limit() const noexcept { return bytes_ > max_worth_reading(limits_); }
  static std::size_t max_worth_reading(const FieldLimits& limits) noexcept {
    return 4 * limits.max_size();
  }
  // Returns the first problem found so far, or null.
  const char* problem() const noexcept { return problem_; }
  // Checks the complete section. Returns its first problem, or null.
  const char* finish() noexcept;
  // Returns the Content-Length of a head.
  std::optional<std::uint64_t> content_length() const noexcept { return content_length_; }
  // Reports whether this is an interim (1xx) response.
  bool is_informational() const noexcept { return status_.starts_with('1'); }
  std::string_view status() const noexcept { return status_; }
  // The method and target for the log, even if the request is refused.
  std::string_view method() const noexcept { return method_; }
  std::string_view path() const noexcept { return path_; }
  std::string_view authority() const noexcept { return authority_; }
  // The regular fields received so far. Empty after a take_ function.
  const Headers& headers() const noexcept { return headers_; }

  // Returns the request without content. An extended CONNECT for a WebSocket becomes the equivalent
  // GET with Upgrade. Errors: bad_request, request_line_too_long, head_too_large,
  // unsupported_method (a CONNECT, or a method that is too long).
  Result<Request> take_request();
  // Returns the response without content. Errors: bad_response, response_head_too_large.
  Result<Response> take_response();
  // Returns the trailers without the fields that are not allowed in them.
  Result<Headers> take_trailers();

 private:
  bool count(std::string_view name, std::string_view value) noexcept;
  void add_pseudo(std::string_view name, std::string_view value);
  void add_regular(std::string_view name, std::string_view value);
  void take_pseudo(std::string_view& place, std::string_view value);
  void append(FieldId id, std::string_view name, std::string_view value);
  void parse_length(std::string_view value);
  void finish_request() noexcept;
  void finish_response() noexcept;
  // The verdict of the first problem; later problems do not change it.
  enum class Verdict : std::uint8_t { fine, malformed, line_too_long, too_large };
  bool is_fine() const noexcept { return verdict_ == Verdict::fine; }
  void reject(Verdict why) noexcept {
    ONEHOP_DCHECK(is_fine() && why != Verdict::fine);
    verdict_ = why;
  }
  void fail(const char* problem) noexcept {
    if (!is_fine()) return;
    reject(Verdict::malformed);
    problem_ = problem;
  }
  void move_to_interim();
  void fail_in(std::string_view name, std::string_view problem);
  Error malformed() const;
  Result<void> check() const;
  Result<void> settle_host();
  void join_cookies();
  void become_upgrade();

  ArenaRef arena_;
  ArenaRef memory_;                   // holds the text
  InterimMemory* interim_ = nullptr;  // null also if this is not an interim response
  Headers headers_;
  FieldLimits limits_;
  std::string_view method_;
  std::string_view scheme_;
  std::string_view authority_;
  std::string_view path_;
  std::string_view protocol_;
  std::string_view status_;
  const char* problem_ = nullptr;  // null unless the section is malformed
  std::optional<std::uint64_t> content_length_;
  std::size_t bytes_ = 0;  // of all lines, as counted by RFC 9113 §6.5.2
  std::size_t start_line_ = 0;
  std::size_t field_bytes_ = 0;
  std::size_t fields_ = 0;
  std::size_t cookies_ = 0;
  Kind kind_;
  Side side_;
  Verdict verdict_ = Verdict::fine;
  bool regular_seen_ = false;
  bool dropped_ = false;
};

// The lines of a message to send, as views: names in lower case, pseudo-fields first.
using FieldList = std::vector<Field>;

struct ResponseFraming {
  std::optional<std::uint64_t> length = {};  // of the content, if known
  bool keep_content_length = false;          // for HEAD and 304: send the message's own
  bool announce_trailers = false;            // send the message's Trailer field, if it has one
  std::string_view date = {};                // added if the message has none; "" adds none
};

// Appends the lines of a response to `out`. `memory` holds the text that had to be rewritten.
// `memory` and the message must outlive `out`.
void write_response(Status status,
                    const Headers& headers,
                    const ResponseFraming& framing,
                    Arena& memory,
                    FieldList& out);

struct RequestFraming {
  std::optional<std::uint64_t> length = {};  // of the content, if known and to be sent
  bool announce_trailers = false;
  bool extended_connect = false;  // send CONNECT, with the Upgrade field as :protocol
  std::string_view scheme = "http";
};
void write_request(const Request& request,
                   const RequestFraming& framing,
                   Arena& memory,
                   FieldList& out);

// Appends the trailers to `out`, without the fields that are not allowed in them.
void write_trailers(const Headers& trailers, Arena& memory, FieldList& out);

}  // namespace onehop::h2
