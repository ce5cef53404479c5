// SPDX-License-Identifier: Apache-2.0
//
// LastingTexts keeps texts, such as the addresses of upstreams, until the process ends. A record of
// such a text needs no copy, and two texts are equal if they begin at the same address. A text for
// which there is no room is not kept. Thread: any.
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

  // Returns the kept copy of `text`; empty if there is no room for one. It searches all texts,
  // which is too slow for each request.
  std::string_view keep(std::string_view text) noexcept;
  // Reports whether keep() returned `text`.
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

// The addresses of upstreams.
extern LastingTexts lasting_addresses;

}  // namespace onehop
