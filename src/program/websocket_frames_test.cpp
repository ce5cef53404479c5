// SPDX-License-Identifier: Apache-2.0
#include "program/websocket_frames.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace onehop::program {
namespace {

// A client's frame: masked, with the shortest form of its length.
std::string frame(unsigned opcode, std::string_view payload, bool is_last = true) {
  static constexpr std::string_view kMask = "\x12\x34\x56\x78";
  std::string out(1, static_cast<char>((is_last ? 0x80U : 0U) | opcode));
  const std::uint64_t size = payload.size();
  int extended = 0;
  if (size >= 126) extended = size < 65536 ? 2 : 8;
  const std::uint64_t small = extended == 0 ? size : (extended == 2 ? 126U : 127U);
  out += static_cast<char>(0x80U | small);
  for (int i = extended - 1; i >= 0; --i)
    out += static_cast<char>((size >> (8 * i)) & 0xffU);
  out += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^
                             static_cast<unsigned char>(kMask[i % 4]));
  }
  return out;
}

std::string answer_to(std::string_view data) {
  WebSocketFrames frames;
  std::string answer;
  frames.receive(data, answer);
  return answer;
}

std::string close_frame(unsigned code) {
  return {'\x88', '\x02', static_cast<char>(code >> 8U), static_cast<char>(code & 0xffU)};
}

TEST(WebSocketFrames, EchoesTextAndBinary) {
  EXPECT_EQ(answer_to(frame(1, "hello")), "\x81\x05hello");
  EXPECT_EQ(answer_to(frame(2, std::string_view("\0\xff", 2))), std::string("\x82\x02\0\xff", 4));
  EXPECT_EQ(answer_to(frame(1, "")), std::string("\x81\0", 2));
}

TEST(WebSocketFrames, WritesEachFormOfTheLength) {
  const std::string middle(126, 'm');
  EXPECT_EQ(answer_to(frame(1, middle)), std::string("\x81\x7e\0\x7e", 4) + middle);
  const std::string large(65536, 'l');
  EXPECT_EQ(answer_to(frame(2, large)), std::string("\x82\x7f\0\0\0\0\0\1\0\0", 10) + large);
}

TEST(WebSocketFrames, ParsesFramesSplitAnywhere) {
  const std::string data = frame(1, "hello") + frame(9, "p") + frame(2, std::string(200, 'b'));
  const std::string whole = answer_to(data);
  for (std::size_t at = 1; at < data.size(); ++at) {
    WebSocketFrames frames;
    std::string answer;
    frames.receive(std::string_view(data).substr(0, at), answer);
    frames.receive(std::string_view(data).substr(at), answer);
    EXPECT_EQ(answer, whole) << at;
  }
}

// Regression: each frame moved all the bytes after it.
TEST(WebSocketFrames, ManySmallFramesAtOnceTakeLinearTime) {
  std::string data;
  std::string pongs;
  while (data.size() < 2UL * 1024 * 1024) {
    data += frame(9, "");
    pongs += std::string_view("\x8a\0", 2);
  }
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(answer_to(data), pongs);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST(WebSocketFrames, JoinsFragmentsAndRespondsToPingsBetweenThem) {
  EXPECT_EQ(
      answer_to(frame(1, "hel", false) + frame(9, "now") + frame(0, "l", false) + frame(0, "o")),
      "\x8a\x03now\x81\x05hello");
}

TEST(WebSocketFrames, IgnoresPongs) {
  EXPECT_EQ(answer_to(frame(10, "late")), "");
}

TEST(WebSocketFrames, RespondsToACloseAndEnds) {
  WebSocketFrames frames;
  std::string answer;
  frames.receive(frame(8, std::string("\x03\xe8", 2) + "bye") + frame(1, "more"), answer);
  EXPECT_EQ(answer, close_frame(1000));
  EXPECT_TRUE(frames.has_ended());
  frames.receive(frame(1, "more"), answer);
  EXPECT_EQ(answer, close_frame(1000));
  EXPECT_EQ(answer_to(frame(8, "")), std::string("\x88\0", 2));
}

struct Fault {
  const char* what;
  std::string data;
  unsigned code;
};

TEST(WebSocketFrames, ClosesOnMalformedFrames) {
  const Fault faults[] = {
      {"not masked", std::string("\x81\x05hello"), 1002},
      {"reserved bit", "\xc1" + frame(1, "x").substr(1), 1002},
      {"unknown data opcode", frame(3, "x"), 1002},
      {"unknown control opcode", frame(11, "x"), 1002},
      {"fragmented ping", frame(9, "x", false), 1002},
      {"long ping", frame(9, std::string(126, 'x')), 1002},
      {"continuation of nothing", frame(0, "x"), 1002},
      {"second message inside the first", frame(1, "a", false) + frame(1, "b"), 1002},
      {"close with half a code", frame(8, "x"), 1002},
      {"close with a code nobody may send", frame(8, std::string("\x03\xed", 2)), 1002},
      {"close with a reason that is no text", frame(8, "\x03\xe8\xff"), 1007},
      {"text that is none", frame(1, "\xc3("), 1007},
      {"text that is none over two fragments", frame(1, "\xc3", false) + frame(0, "("), 1007},
  };
  for (const Fault& fault : faults) {
    EXPECT_EQ(answer_to(fault.data), close_frame(fault.code)) << fault.what;
  }
}

TEST(WebSocketFrames, AcceptsACharacterSplitAcrossFragments) {
  EXPECT_EQ(answer_to(frame(1, "\xc3", false) + frame(0, "\xa9")), "\x81\x02\xc3\xa9");
}

TEST(WebSocketFrames, RefusesATooLargeMessageBeforeItArrives) {
  const std::string announced("\x82\xff\0\0\0\0\0\x10\0\1\x12\x34\x56\x78", 14);
  EXPECT_EQ(answer_to(announced), close_frame(1009));
  const std::string half(WebSocketFrames::kLargestMessage / 2 + 1, 'x');
  EXPECT_EQ(answer_to(frame(2, half, false) + frame(0, half)), close_frame(1009));
}

}  // namespace
}  // namespace onehop::program
