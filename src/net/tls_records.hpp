// SPDX-License-Identifier: Apache-2.0
//
// The data that a TlsStream writes, before and after encryption: TlsPieces cuts the caller's bytes
// into the content of records, and TlsOutbox is the thread's buffer of encrypted records.
// Thread: owner.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include <sys/uio.h>

namespace onehop::net {

// The maximum size of a record's content in bytes (RFC 8446 §5.1).
constexpr std::size_t kTlsRecord = std::size_t{16} * 1024;

// Encrypted records that are not sent yet. A stream empties it before it returns to its caller.
// Only the first `size` bytes of `memory` are initialised.
struct TlsOutbox {  // NOLINT(cppcoreguidelines-pro-type-member-init)
  // The number of full records that one write to the inner stream sends.
  static constexpr int kRecords = 4;

  static TlsOutbox& of_thread() {
    thread_local const auto box = std::make_unique<TlsOutbox>();
    return *box;
  }

  std::array<char, kRecords*(kTlsRecord + 512)> memory;
  std::size_t size = 0;
};

// The bytes of a gathered write, which must stay in place while this object exists.
class TlsPieces {
 public:
  TlsPieces(const iovec* parts, int count) noexcept : part_(parts), end_(parts + count) {
    settle();
  }

  bool empty() const noexcept { return part_ == end_; }

  // Skips up to `byte_count` bytes. Returns the number skipped.
  std::size_t skip(std::size_t byte_count) noexcept {
    std::size_t skipped = 0;
    while (skipped < byte_count && !empty()) {
      const std::size_t step = std::min(byte_count - skipped, rest().size());
      advance(step);
      skipped += step;
    }
    return skipped;
  }
  // Returns the content of the next record: a view of one part if that part fills the record or is
  // the last, or else several parts copied into `joined`. Must not be called if empty().
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
