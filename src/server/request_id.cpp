// SPDX-License-Identifier: Apache-2.0
#include "server/request_id.hpp"

#include <cerrno>
#include <cstddef>
#include <span>
#include <system_error>

#include <sys/random.h>

namespace onehop::server {
namespace {

constexpr std::size_t kIdSize = 16;

class RandomBytes {
 public:
  // Each of them is given out once.
  std::span<const unsigned char> take() {
    if (at_ == memory_.size()) fill();
    const std::span<const unsigned char> taken(memory_.data() + at_, kIdSize);
    at_ += kIdSize;
    return taken;
  }

 private:
  void fill() {
    // getrandom(2) gives 256 bytes or fewer whole, or fails.
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

RequestId::RequestId() {
  static constexpr std::string_view kHex = "0123456789abcdef";
  thread_local RandomBytes random;
  char* out = text_.data();
  for (const unsigned char byte : random.take()) {
    *out++ = kHex[byte >> 4U];
    *out++ = kHex[byte & 15U];
  }
}

}  // namespace onehop::server
