// SPDX-License-Identifier: Apache-2.0
//
// Mutates HTTP/2 frames after one byte of options: inserts, removes, repeats and swaps whole
// frames, makes field blocks of well-formed HPACK, and lets libFuzzer mutate a payload without
// breaking the frames around it. Linked with libFuzzer only.

#include <onehop/headers.hpp>

#include "mutation.hpp"
#include "support/h2_frames.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace onehop;        // NOLINT(google-build-using-namespace)
using namespace onehop::fuzz;  // NOLINT(google-build-using-namespace)
using h2_frames::Frame;

constexpr std::size_t kLargestPayload = 500;
constexpr std::uint8_t kPriority = 2;
constexpr std::uint8_t kContinuation = 9;

// Returns a block in which pseudo-fields usually come first.
std::string new_block(Random& random) {
  constexpr Field kRegular[] = {{"content-length", "5"},
                                {"content-length", "0"},
                                {"te", "trailers"},
                                {"trailer", "x-end"},
                                {"expect", "100-continue"},
                                {"cookie", "a=b"},
                                {"host", "h"},
                                {"content-type", "application/grpc"},
                                {"connection", "close"},
                                {"x", ""},
                                {"grpc-status", "0"}};
  std::string block;
  switch (random() % 8) {
    case 0:
      break;
    case 1:
      block = h2_frames::block({{":method", "CONNECT"},
                                {":protocol", "websocket"},
                                {":scheme", "http"},
                                {":path", "/"},
                                {":authority", "h"}});
      break;
    case 2:
      block = h2_frames::block({{":status", "103"}});
      break;
    case 3:
    case 4:
      block = h2_frames::block({{":status", random() % 2 == 0 ? "200" : "204"}});
      break;
    default:
      block = h2_frames::block({{":method", random() % 2 == 0 ? "GET" : "POST"},
                                {":scheme", "http"},
                                {":path", "/"},
                                {":authority", "h"}});
  }
  for (std::size_t n = below(random, 4); n > 0; --n)
    block += h2_frames::block({kRegular[below(random, std::size(kRegular))]});
  return block;
}

Frame new_frame(Random& random) {
  constexpr std::uint8_t kTypes[] = {
      h2_frames::headers, h2_frames::headers,    h2_frames::data,          h2_frames::data,
      kPriority,          h2_frames::rst_stream, h2_frames::settings,      h2_frames::ping,
      h2_frames::goaway,  h2_frames::headers,    h2_frames::window_update, kContinuation};
  Frame frame;
  frame.type = kTypes[below(random, std::size(kTypes))];
  frame.stream = static_cast<std::uint32_t>(1 + 2 * below(random, 4));
  switch (frame.type) {
    case h2_frames::headers:
    case kContinuation:
      frame.flags = random() % 2 == 0 ? h2_frames::kEndStream : std::uint8_t{0};
      if (random() % 8 != 0)
        frame.flags = static_cast<std::uint8_t>(frame.flags | h2_frames::kEndHeaders);
      frame.payload = new_block(random);
      break;
    case h2_frames::data:
      frame.flags = random() % 2 == 0 ? h2_frames::kEndStream : 0;
      frame.payload.assign(below(random, 7), 'd');
      break;
    case h2_frames::settings:
      frame.stream = 0;
      frame.payload = h2_frames::number(static_cast<std::uint32_t>(below(random, 9)), 2) +
                      h2_frames::number(static_cast<std::uint32_t>(random()), 4);
      break;
    case h2_frames::ping:
    case h2_frames::goaway:
      frame.stream = 0;
      frame.payload.assign(8, '\0');
      break;
    case kPriority:
      frame.payload.assign(5, '\0');
      break;
    default:
      if (random() % 4 == 0) frame.stream = 0;
      frame.payload = h2_frames::number(static_cast<std::uint32_t>(random() % 70'000), 4);
  }
  return frame;
}

void mutate(std::vector<Frame>& all, Random& random) {
  switch (all.empty() ? 0 : random() % 9) {
    case 0:
    case 1:
    case 2:
      insert(all, random, new_frame(random));
      return;
    case 3:
    case 4:
    case 5:
      move_about(all, random);
      return;
    case 6:
      any_of(all, random).flags ^= static_cast<std::uint8_t>(1U << (random() % 6));
      return;
    case 7:
      any_of(all, random).stream = static_cast<std::uint32_t>(below(random, 9));
      return;
    default:
      mutate_text(any_of(all, random).payload, kLargestPayload);
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t max_size,
                                               unsigned seed) {
  Random random(seed);
  // Ignores frame boundaries one time in eight.
  if (random() % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  std::string text(reinterpret_cast<const char*>(data), size);
  std::string rest = text.substr(std::min<std::size_t>(1, size));
  std::vector<Frame> all = h2_frames::take_frames(rest);
  for (std::size_t n = 1 + below(random, 3); n > 0; --n)
    mutate(all, random);
  text.resize(1);
  if (random() % 4 == 0) text[0] = static_cast<char>(random());
  for (const Frame& frame : all)
    text += h2_frames::frame(frame.type, frame.flags, frame.stream, frame.payload);
  text += rest;  // an incomplete frame
  const std::size_t kept = std::min(text.size(), max_size);
  std::copy_n(text.begin(), kept, data);
  return kept;
}
