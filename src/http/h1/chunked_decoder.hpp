// SPDX-License-Identifier: Apache-2.0
//
// ChunkedDecoder is a strict decoder of the chunked transfer coding (RFC 9112 §7.1). It does not
// copy data: it reports where the data lies in the input. It drops extensions and parses trailers.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/headers.hpp>

#include "base/arena.hpp"
#include "http/h1/limits.hpp"
#include "http/h1/parser.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace onehop::h1 {

class ChunkedDecoder {
 public:
  // `side` is the sender, which errors blame: client for a request body, upstream for a response
  // body.
  ChunkedDecoder(Side side, const Limits& trailer_limits) noexcept;

  struct Step {
    std::size_t consumed = 0;  // bytes of the input that were consumed, data included
    std::string_view data;     // within the consumed bytes; may be empty
    bool finished = false;     // the last chunk and the trailer section have been read
  };
  // Decodes `input`, which begins after the bytes consumed so far, and stops after the first run of
  // data. The caller calls again with the rest. An incomplete chunk-size line is consumed and
  // remembered; an incomplete trailer section is not consumed. If consumed is 0 and finished is
  // false, more input is needed. After an error the decoder must not be used.
  Result<Step> decode(std::string_view input);

  // Returns the number of bytes of the current chunk that have not arrived yet. The caller may read
  // them directly from the stream and report them with skip().
  std::uint64_t data_left() const noexcept;
  void skip(std::uint64_t size) noexcept;

  // Returns the trailers, once finished. Their text is copied into `arena`. Fields that are not
  // allowed in trailers are dropped (RFC 9110 §6.5.1 and the table of names).
  Headers take_trailers(const ArenaRef& arena);

 private:
  //  size -> [blank] -> [extension] -> size_lf -> data -> data_cr -> data_lf -> size ...
  //                                            -> trailers -> finished        (size 0)
  enum class State : std::uint8_t {
    first_digit,
    size,
    blank,  // after the size: only an extension may follow
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailers,
    finished,
  };

  Result<void> read_size_line(std::string_view input, std::size_t& at);
  Result<void> read_size_byte(char c);
  Result<void> end_size_line();
  Result<void> read_data_end(char c);
  Result<Step> read_trailers(std::string_view input, std::size_t at);
  std::unexpected<Error> malformed(const char* detail) const;

  HeadParser trailer_parser_;
  std::string trailer_text_;      // the trailer section, if it has fields
  std::uint64_t size_ = 0;        // of the current chunk; in State::data, the bytes left of it
  std::uint64_t overhead_ = 0;    // bytes of chunk-size lines beyond those that data excuses
  std::uint32_t line_bytes_ = 0;  // of the current chunk-size line
  std::uint8_t digits_ = 0;
  State state_ = State::first_digit;
  Side side_;
};

}  // namespace onehop::h1
