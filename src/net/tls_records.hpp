// SPDX-License-Identifier: Apache-2.0
//
// What a TlsStream sends, on its way in and out of OpenSSL: the caller's bytes cut into pieces
// that fill a record each, and the thread's memory for records that are encrypted and not sent.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include <sys/uio.h>

namespace onehop::net {

// The most that one record holds (RFC 8446 §5.1).
constexpr std::size_t kTlsRecord = std::size_t{16} * 1024;

// Empty between two calls of a stream. What is in it was written.
struct TlsOutbox {  // NOLINT(cppcoreguidelines-pro-type-member-init)
  // So many full records go out with one write to the inner stream.
  static constexpr int kRecords = 4;

  static TlsOutbox& of_thread() {
    thread_local const auto box = std::make_unique<TlsOutbox>();
    return *box;
  }

  std::array<char, kRecords*(kTlsRecord + 512)> memory;
  std::size_t size = 0;
};

// The bytes of a gathered write.
class TlsPieces {
 public:
  TlsPieces(const iovec* parts, int count) noexcept : part_(parts), end_(parts + count) {
    settle();
  }

  bool empty() const noexcept { return part_ == end_; }

  std::size_t skip(std::size_t byte_count) noexcept {
    std::size_t skipped = 0;
    while (skipped < byte_count && !empty()) {
      const std::size_t step = std::min(byte_count - skipped, rest().size());
      advance(step);
      skipped += step;
    }
    return skipped;
  }
  // The next record's content: memory of the caller where one part fills it, else joined.
  std::string_view next(std::array<char, kTlsRecord>& joined) noexcept {
    std::string_view piece = rest().substr(0, kTlsRecord);
    advance(piece.size());
    if (piece.size() == kTlsRecord || empty()) return piece;
    std::size_t size = 0;
    for (;;) {
      std::memcpy(joined.data() + size, piece.data(), piece.size());
      size += piece.size();
      if (size == kTlsRecord || empty()) return {joined.data(), size};
      piece = rest().substr(0, kTlsRecord - size);
      advance(piece.size());
    }
  }

 private:
  std::string_view rest() const noexcept {
    return std::string_view(static_cast<const char*>(part_->iov_base), part_->iov_len)
        .substr(used_);
  }
  void advance(std::size_t byte_count) noexcept {
    used_ += byte_count;
    settle();
  }
  void settle() noexcept {
    while (part_ != end_ && used_ == part_->iov_len) {
      ++part_;
      used_ = 0;
    }
  }

  const iovec* part_;
  const iovec* end_;
  std::size_t used_ = 0;
};

}  // namespace onehop::net
