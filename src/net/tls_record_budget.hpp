// SPDX-License-Identifier: Apache-2.0
//
// TlsRecordBudget: how many TLS records a peer may make one connection handle. OpenSSL reads on for
// as long as records come that carry no data: key updates, empty records, warning alerts, requests
// to renegotiate, tickets. They are counted here, whatever they are: after a few in one pass of the
// reactor the connection lets the others run, and after some dozens that no data paid for it fails.
// One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace onehop::net {

class TlsRecordBudget {
 public:
  // Records of a handshake, which carry no data at all. A chain of 100 KiB, the longest that
  // OpenSSL takes, in the smallest fragments that can be agreed on (RFC 6066 §4) has 200.
  static constexpr unsigned kMaxInHandshake = 256;
  // Records without data that the records with data have not made up for, one for one.
  static constexpr unsigned kMaxWithoutData = 32;
  // What one pass of the reactor handles.
  static constexpr unsigned kPassRecords = 128;
  static constexpr unsigned kPassWithoutData = 8;

  // Before records are read.
  void enter_pass(std::uint64_t pass) noexcept {
    if (pass_ == pass) return;
    pass_ = pass;
    in_pass_ = without_data_in_pass_ = 0;
  }
  // A record has arrived. It counts as one without data until note_data().
  void note_record() noexcept {
    ++in_pass_;
    ++without_data_;
    ++without_data_in_pass_;
    carries_data_ = false;
  }
  // The record that arrived last carries data. Counted once for each record: its header may have
  // come long before the rest of it, and it may be read in several parts.
  void note_data() noexcept {
    if (std::exchange(carries_data_, true)) return;
    without_data_ -= std::min(without_data_, 2U);
    without_data_in_pass_ -= std::min(without_data_in_pass_, 1U);
  }
  void end_handshake() noexcept {
    most_ = kMaxWithoutData;
    without_data_ = 0;
  }

  // The other connections come first.
  bool is_spent() const noexcept {
    return in_pass_ >= kPassRecords || without_data_in_pass_ >= kPassWithoutData;
  }
  bool is_exceeded() const noexcept { return without_data_ > most_; }

 private:
  std::uint64_t pass_ = 0;
  unsigned in_pass_ = 0;
  unsigned without_data_in_pass_ = 0;
  unsigned without_data_ = 0;
  unsigned most_ = kMaxInHandshake;
  bool carries_data_ = false;  // the record that arrived last, as far as is known
};

}  // namespace onehop::net
