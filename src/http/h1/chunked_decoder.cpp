// SPDX-License-Identifier: Apache-2.0

#include "http/h1/chunked_decoder.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/field_rules.hpp"
#include "http/header_lines.hpp"

#include <algorithm>

namespace onehop::h1 {
namespace {

constexpr std::uint32_t kMaxSizeLine = 4096;
constexpr std::uint8_t kMaxDigits = 16;

// The chunk-size line of each chunk may have kFreePerChunk bytes plus twice the size of its data.
// The lines of a body may exceed that by kMaxOverhead bytes in total: a sender of endless
// extensions reaches the limit, a sender of tiny chunks does not.
constexpr std::uint64_t kMaxOverhead = 16 * 1024;
constexpr std::uint64_t kFreePerChunk = 16;

}  // namespace

ChunkedDecoder::ChunkedDecoder(Side side, const Limits& trailer_limits) noexcept
    : trailer_parser_(HeadKind::trailers, trailer_limits), side_(side) {}

std::unexpected<Error> ChunkedDecoder::malformed(const char* detail) const {
  return failure(side_ == Side::client ? Errc::bad_request : Errc::bad_response, side_, detail);
}

Result<ChunkedDecoder::Step> ChunkedDecoder::decode(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size() && state_ < State::trailers) {
    if (state_ == State::data) {
      const auto run = static_cast<std::size_t>(std::min<std::uint64_t>(size_, input.size() - at));
      skip(run);
      return Step{.consumed = at + run, .data = input.substr(at, run), .finished = false};
    }
    const bool in_size_line = state_ <= State::size_lf;
    const Result<void> read = in_size_line ? read_size_line(input, at) : read_data_end(input[at++]);
    if (!read) return failure(read.error());
  }
  if (state_ < State::trailers) return Step{.consumed = at, .data = {}, .finished = false};
  return read_trailers(input, at);
}

Result<void> ChunkedDecoder::read_size_line(std::string_view input, std::size_t& at) {
  while (at < input.size() && state_ <= State::size_lf) {
    if (++line_bytes_ > kMaxSizeLine) return malformed("a chunk-size line is too long");
    const Result<void> read = read_size_byte(input[at++]);
    if (!read) return read;
  }
  return {};
}

// RFC 9112 §7.1: chunk-size [ chunk-ext ] CRLF, where a blank may only precede the ';' of an
// extension (§7.1.1). The bytes of extensions are checked; their meaning is ignored.
Result<void> ChunkedDecoder::read_size_byte(char c) {
  if (state_ == State::size_lf) {
    if (c != '\n') return malformed("CR without LF in a chunk-size line");
    return end_size_line();
  }
  if (state_ == State::extension) {
    if (c == '\r') {
      state_ = State::size_lf;
    } else if (!ascii::is_value_byte(c)) {
      return malformed("a control character in a chunk extension");
    }
    return {};
  }
  if (const int digit = ascii::hex_value(c); digit >= 0 && state_ <= State::size) {
    if (++digits_ > kMaxDigits) return malformed("a chunk size has too many digits");
    size_ = size_ << 4 | static_cast<std::uint64_t>(digit);
    state_ = State::size;
    return {};
  }
  if (state_ == State::first_digit) return malformed("a chunk size is not a hexadecimal number");
  if (c == ';') {
    state_ = State::extension;
  } else if (ascii::is_blank(c)) {
    state_ = State::blank;
  } else if (c == '\r' && state_ == State::size) {
    state_ = State::size_lf;
  } else {
    return malformed("a chunk size is followed by text that is not an extension");
  }
  return {};
}

Result<void> ChunkedDecoder::end_size_line() {
  overhead_ += line_bytes_;
  const std::uint64_t excused =
      size_ > kMaxSizeLine ? overhead_ : std::min(overhead_, kFreePerChunk + 2 * size_);
  overhead_ -= excused;
  if (overhead_ > kMaxOverhead) return malformed("too many chunk extensions");
  line_bytes_ = 0;
  digits_ = 0;
  state_ = size_ == 0 ? State::trailers : State::data;
  return {};
}

Result<void> ChunkedDecoder::read_data_end(char c) {
  const bool cr = state_ == State::data_cr;
  if (c != (cr ? '\r' : '\n')) return malformed("chunk data is not followed by CRLF");
  state_ = cr ? State::data_lf : State::first_digit;
  return {};
}

Result<ChunkedDecoder::Step> ChunkedDecoder::read_trailers(std::string_view input, std::size_t at) {
  if (state_ == State::finished) return Step{.consumed = at, .data = {}, .finished = true};
  const std::string_view section = input.substr(at);
  switch (trailer_parser_.parse(section)) {
    case HeadParser::State::incomplete:
      return Step{.consumed = at, .data = {}, .finished = false};
    case HeadParser::State::complete:
      break;
    case HeadParser::State::failed: {
      // The trailer parser does not know the side.
      const Error& error = trailer_parser_.error();
      if (!error.is(Errc::head_too_large)) return malformed("a malformed trailer section");
      const bool from_client = side_ == Side::client;
      return failure(from_client ? Errc::head_too_large : Errc::response_head_too_large, side_,
                     "the trailer section is too large");
    }
  }
  const std::size_t size = trailer_parser_.size();
  if (size > 2) trailer_text_.assign(section.substr(0, size));
  state_ = State::finished;
  return Step{.consumed = at + size, .data = {}, .finished = true};
}

std::uint64_t ChunkedDecoder::data_left() const noexcept {
  return state_ == State::data ? size_ : 0;
}

void ChunkedDecoder::skip(std::uint64_t size) noexcept {
  size_ -= size;
  if (size_ == 0) state_ = State::data_cr;
}

Headers ChunkedDecoder::take_trailers(const ArenaRef& arena) {
  if (trailer_text_.empty()) return HeaderWriter::headers_in(arena);
  Headers trailers = trailer_parser_.take_headers(trailer_text_, arena);
  HeaderWriter(trailers).erase_if(
      [](const FieldLine& line) { return is_forbidden_in_trailers(line.id, line.field().name); });
  return trailers;
}

}  // namespace onehop::h1
