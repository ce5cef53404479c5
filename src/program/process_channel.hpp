// SPDX-License-Identifier: Apache-2.0
//
// ProcessChannel is one end of a socket pair over which two processes of this program exchange
// messages, which may carry descriptors. Message boundaries are preserved. One thread at a time may
// send, and one may receive.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "io/file_descriptor.hpp"

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::program {

class ProcessChannel {
 public:
  using Duration = std::chrono::nanoseconds;

  struct Message {
    std::string text;
    std::vector<io::FileDescriptor> descriptors = {};
  };
  // The limits of one message.
  static constexpr std::size_t kMaxText = 64UL * 1024;
  static constexpr std::size_t kMaxDescriptors = 100;

  ProcessChannel() = default;
  explicit ProcessChannel(io::FileDescriptor socket) noexcept : socket_(std::move(socket)) {}
  // Returns both ends of a new channel.
  static Result<std::pair<ProcessChannel, ProcessChannel>> make();

  bool is_open() const noexcept { return static_cast<bool>(socket_); }
  int descriptor() const noexcept { return socket_.get(); }
  io::FileDescriptor take() noexcept { return std::move(socket_); }

  // Sends one message with duplicates of the descriptors. Waits up to 1 s if the receiver does not
  // read. Errors: Errc::closed if the other process has ended.
  Result<void> send(std::string_view text, std::span<const int> descriptors = {}) const;
  // Waits for the next message. Errors: Errc::timed_out after `patience`; Errc::closed if the other
  // process has ended or has closed its end; EBADMSG if the message exceeds the limits.
  Result<Message> receive(Duration patience) const;

 private:
  io::FileDescriptor socket_;
};

}  // namespace onehop::program
