// SPDX-License-Identifier: Apache-2.0
#include "io/random_bytes.hpp"

#include "base/check.hpp"
#include "base/hexadecimal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include <sys/random.h>

namespace onehop::io {
namespace {

class RandomBytes {
 public:
  static constexpr std::size_t kMaxSize = 64;

  void take(std::span<unsigned char> out) {
    if (memory_.size() - at_ < out.size()) fill();
    std::copy_n(memory_.begin() + static_cast<std::ptrdiff_t>(at_), out.size(), out.begin());
    at_ += out.size();
  }

 private:
  void fill() {
    // getrandom(2) returns 256 bytes or fewer completely, or fails.
    ssize_t got = 0;
    do {
      got = ::getrandom(memory_.data(), memory_.size(), 0);
    } while (got < 0 && errno == EINTR);
    if (got != static_cast<ssize_t>(memory_.size())) {
      throw std::system_error(got < 0 ? errno : EIO, std::system_category(), "getrandom");
    }
    at_ = 0;
  }

  std::array<unsigned char, 256> memory_{};
  std::size_t at_ = memory_.size();
};

}  // namespace

void fill_randomly(std::span<unsigned char> out) {
  ONEHOP_DCHECK(out.size() <= RandomBytes::kMaxSize);
  thread_local RandomBytes random;
  random.take(out);
}

void fill_with_random_digits(std::span<char> out) {
  std::array<unsigned char, RandomBytes::kMaxSize> memory;
  const std::span<unsigned char> drawn(memory.data(), out.size() / 2);
  fill_randomly(drawn);
  char* at = out.data();
  for (const unsigned char byte : drawn)
    at = std::ranges::copy(hexadecimal(byte), at).out;
}

}  // namespace onehop::io
