// SPDX-License-Identifier: Apache-2.0
//
// FramesInput is the input of a target that reads HTTP/2 frames. The first byte chooses when time
// passes and whether the last frame begins a flood; frames follow. It is a view of the input.
// Thread: owner.
#pragma once

#include "fuzz_one.hpp"

#include <string>

namespace onehop::fuzz {

struct FramesInput {
  // `input` must not be empty.
  explicit FramesInput(std::string_view input) {
    const std::size_t choice = take_byte(input);
    const std::size_t cut = input.size() * choice / 256;
    before = input.substr(0, cut);
    after = input.substr(cut);
    if (choice % 16 == 15) flood_of(last_frame(input));
  }

  std::string_view before;
  std::string_view after;
  std::string flood;

 private:
  static constexpr std::size_t kMaxFrames = 2400;
  static constexpr std::size_t kMaxBytes = std::size_t{64} * 1024;

  static std::string_view last_frame(std::string_view frames) {
    constexpr std::size_t kHeader = 9;
    while (frames.size() >= kHeader) {
      std::string_view header = frames;
      std::size_t size = take_byte(header);
      size = size * 256 + take_byte(header);
      size = size * 256 + take_byte(header);
      if (frames.size() <= kHeader + size) break;
      frames.remove_prefix(kHeader + size);
    }
    return frames;
  }
  void flood_of(std::string_view frame) {
    for (std::size_t n = 0; n < kMaxFrames && flood.size() < kMaxBytes; ++n)
      flood += frame;
  }
};

}  // namespace onehop::fuzz
