// SPDX-License-Identifier: Apache-2.0
//
// LastingTexts: texts that are kept as long as the process, such as the addresses of upstreams: a
// record of one needs no copy, and two are equal if they begin at the same place. A text that
// finds no room is not kept. Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace onehop {

class LastingTexts {
 public:
  static constexpr std::size_t kRoom = 32UL * 1024;

  constexpr LastingTexts() noexcept = default;
  LastingTexts(const LastingTexts&) = delete;
  LastingTexts& operator=(const LastingTexts&) = delete;

  // The one place of `text`; empty if there is none. Reads all texts: not for each request.
  std::string_view keep(std::string_view text) noexcept;
  // Whether keep() has returned `text`.
  bool has(std::string_view text) const noexcept {
    const auto begin = reinterpret_cast<std::uintptr_t>(room_.data());
    return reinterpret_cast<std::uintptr_t>(text.data()) - begin < kRoom;
  }

 private:
  std::mutex mutex_;
  // Guarded by mutex_: texts with a zero after each.
  std::size_t used_ = 0;
  std::array<char, kRoom> room_{};
};

// Of upstreams.
extern LastingTexts lasting_addresses;

}  // namespace onehop
