// SPDX-License-Identifier: Apache-2.0
//
// TlsRecordBudget limits how many TLS records a peer can make one connection process. OpenSSL reads
// on while records without data arrive: key updates, empty records, warning alerts, requests to
// renegotiate, tickets. The budget counts them regardless of their type. After kPassWithoutData of
// them in one pass of the reactor, the connection lets other tasks run. It fails after
// kMaxWithoutData of them that no record with data has made up for. Thread: owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace onehop::net {

class TlsRecordBudget {
 public:
  // The maximum number of records in a handshake, all without data. The longest chain that OpenSSL
  // accepts, 100 KiB, has 200 in the smallest fragments that can be negotiated (RFC 6066 §4).
  static constexpr unsigned kMaxInHandshake = 256;
  // The maximum number of records without data. Each record with data makes up for one of them.
  static constexpr unsigned kMaxWithoutData = 32;
  // The maximum number of records in one pass of the reactor, and of those without data.
  static constexpr unsigned kPassRecords = 128;
  static constexpr unsigned kPassWithoutData = 8;

  // Must be called before records are read in the reactor's pass number `pass`.
  void enter_pass(std::uint64_t pass) noexcept {
    if (pass_ == pass) return;
    pass_ = pass;
    in_pass_ = without_data_in_pass_ = 0;
  }
  // Counts a record as one without data; on_data() corrects that.
  void count_record() noexcept {
    ++in_pass_;
    ++without_data_;
    ++without_data_in_pass_;
    carries_data_ = false;
  }
  // Notes that the latest record carries data. Counts once for each record, which may arrive and be
  // read in several parts.
  void on_data() noexcept {
    if (std::exchange(carries_data_, true)) return;
    without_data_ -= std::min(without_data_, 2U);
    without_data_in_pass_ -= std::min(without_data_in_pass_, 1U);
  }
  void end_handshake() noexcept {
    max_without_data_ = kMaxWithoutData;
    without_data_ = 0;
  }

  // Reports whether the connection should let other tasks run.
  bool is_spent() const noexcept {
    return in_pass_ >= kPassRecords || without_data_in_pass_ >= kPassWithoutData;
  }
  // Reports whether the connection must fail.
  bool is_exceeded() const noexcept { return without_data_ > max_without_data_; }

 private:
  std::uint64_t pass_ = 0;
  unsigned in_pass_ = 0;
  unsigned without_data_in_pass_ = 0;
  unsigned without_data_ = 0;
  unsigned max_without_data_ = kMaxInHandshake;
  bool carries_data_ = false;  // the latest record, as far as it has been read
};

}  // namespace onehop::net
