// SPDX-License-Identifier: Apache-2.0
//
// HeadParser is a strict parser of the start line and field section of an HTTP/1 message (RFC 9112
// §2 to §5): it refuses input that it does not understand. It does no I/O and does not allocate for
// each byte. Its result does not depend on how the input is split. It parses one head at a time and
// can be reset and reused.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/headers.hpp>
#include <onehop/method.hpp>
#include <onehop/status.hpp>
#include <onehop/version.hpp>

#include "base/arena.hpp"
#include "http/h1/limits.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::h1 {

enum class HeadKind : std::uint8_t { request, response, trailers };

class HeadParser {
 public:
  HeadParser(HeadKind kind, const Limits& limits) noexcept : limits_(limits), kind_(kind) {}

  enum class State : std::uint8_t { incomplete, complete, failed };

  // Parses the head in `input`, which has everything received since the first byte of the message
  // and may have moved since the previous call. Only new bytes are examined.
  State parse(std::string_view input);

  // After complete: returns the size of the head, including the empty line.
  std::size_t size() const noexcept { return position_; }
  // Reports whether the first byte of a start line has arrived. Empty lines before it do not count.
  bool begun() const noexcept { return begun_; }
  // After failed: returns the error. Its side is client for requests and upstream for responses.
  const Error& error() const noexcept { return *error_; }

  // After complete: copies the head into `arena` (one block, one memcpy) and returns the fields, in
  // the order received, as views into the copy. `input` must be the text of the last parse().
  Headers take_headers(std::string_view input, const ArenaRef& arena);

  // The request line. The target is a view into the copy that take_headers() made.
  const Method& method() const noexcept { return method_; }
  std::string_view target() const noexcept { return target_; }
  // The status line. The reason is a view into the same copy.
  Status status() const noexcept { return status_; }
  std::string_view reason() const noexcept { return reason_; }
  Version version() const noexcept { return version_; }

  // Prepares for the next message and keeps allocated memory.
  void reset() noexcept;

 private:
  //  start -> method -> target -> version ---+            (request)
  //  start -> status -> reason --------------+-> line -> name -> value -> line ... -> complete
  //  start ----------------------------------+            (trailers)
  enum class Phase : std::uint8_t {
    start,
    method,
    target,
    version,
    status,
    reason,
    line,
    name,
    value,
    complete,
    failed,
  };
  enum class Step : std::uint8_t { next, wait };

  // A field line as offsets into the input, which may move between calls.
  struct Mark {
    std::uint32_t name;
    std::uint32_t value;
    std::uint32_t value_size;
    std::uint16_t name_size;
    bool verbatim;
  };

  Step step(std::string_view input);
  Step read_start(std::string_view input);
  Step read_method(std::string_view input);
  Step read_target(std::string_view input);
  Step read_request_version(std::string_view input);
  Step read_status(std::string_view input);
  Step read_reason(std::string_view input);
  Step read_lines(std::string_view input);
  Step read_line_start(std::string_view input);
  Step read_name(std::string_view input);
  Step read_value(std::string_view input);
  void end_line(const char* base, const char* line, const char* colon, const char* line_end);
  Step end_start_line(std::string_view input);

  Step go_on_with(Phase phase) noexcept;
  Step fail(Errc code, std::string detail);
  Step malformed(const char* detail);
  Step malformed_name(std::string_view input);
  Step start_line_too_long();
  Step head_too_large(const char* detail);
  std::size_t line_room() const noexcept;

  Limits limits_;
  HeadKind kind_;
  Phase phase_ = Phase::start;
  bool begun_ = false;
  Version version_ = Version::http_1_1;
  Method method_;
  Status status_;

  std::size_t position_ = 0;  // of the next byte to examine
  std::size_t head_at_ = 0;   // where the start line begins, after empty lines
  std::size_t line_at_ = 0;   // where the current line begins
  std::size_t colon_at_ = 0;  // of the current field line
  std::size_t text_at_ = 0;   // of the target or the reason
  std::size_t text_size_ = 0;
  std::size_t fields_size_ = 0;  // counted like limits_.max_header_bytes
  unsigned empty_lines_ = 0;
  std::vector<Mark> marks_;

  std::string_view target_;
  std::string_view reason_;
  std::optional<Error> error_;
};

}  // namespace onehop::h1
