// SPDX-License-Identifier: Apache-2.0
//
// Decodes a chunked body. Data, end and error are the same at once and byte by byte; bytes after
// the end are not read; and the decoded body reads the same after it is written.

#include "head_fuzz.hpp"
#include "http/h1/chunked_decoder.hpp"
#include "http/h1/serializer.hpp"

namespace onehop::fuzz {
namespace {

struct Outcome {
  std::string data;
  std::string trailers;
  std::error_code error;
  std::size_t consumed = 0;  // if finished
  bool finished = false;
};

// Passes the decoder at most `piece` more bytes at a time.
Outcome decode(std::string_view input, std::size_t piece) {
  h1::ChunkedDecoder decoder(Side::client, kLimits);
  Outcome outcome;
  std::size_t consumed = 0;
  std::size_t given = 0;
  while (!outcome.finished) {
    const std::string buffer(input.substr(consumed, given - consumed));
    const Result<h1::ChunkedDecoder::Step> step = decoder.decode(buffer);
    if (!step) {
      outcome.error = step.error().code();
      return outcome;
    }
    ONEHOP_CHECK(step->consumed <= buffer.size());
    consumed += step->consumed;
    outcome.data += step->data;
    outcome.finished = step->finished;
    if (step->consumed != 0 || step->finished) continue;
    if (given == input.size()) return outcome;
    given = std::min(input.size(), given + piece);
  }
  outcome.consumed = consumed;
  const Headers trailers = decoder.take_trailers(Arena::create());
  check_fields(trailers);
  outcome.trailers = kept_fields(trailers);
  return outcome;
}

void check_rewritten(const Outcome& outcome) {
  std::string wire;
  if (!outcome.data.empty()) {
    std::string size(h1::kChunkSizeLine, '\0');
    const char* end = h1::write_chunk_size(size.data(), outcome.data.size());
    wire.append(size, 0, static_cast<std::size_t>(end - size.data())).append(outcome.data) +=
        "\r\n";
  }
  wire += "0\r\n\r\n";
  const Outcome again = decode(wire, wire.size());
  ONEHOP_CHECK(again.finished && again.consumed == wire.size());
  ONEHOP_CHECK(again.data == outcome.data);
}

}  // namespace

void fuzz_one(std::string_view input) {
  const Outcome whole = decode(input, input.size());
  for (const std::size_t piece : {1U, 3U}) {
    const Outcome pieces = decode(input, piece);
    ONEHOP_CHECK(pieces.data == whole.data);
    ONEHOP_CHECK(pieces.error == whole.error);
    ONEHOP_CHECK(pieces.finished == whole.finished);
    ONEHOP_CHECK(pieces.consumed == whole.consumed);
    ONEHOP_CHECK(pieces.trailers == whole.trailers);
  }
  if (whole.finished) check_rewritten(whole);
}

}  // namespace onehop::fuzz
