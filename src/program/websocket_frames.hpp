// SPDX-License-Identifier: Apache-2.0
//
// WebSocketFrames: receives the frames of one client, in pieces of any size, and returns the frames
// of a server that echoes messages (RFC 6455 §5). It does no I/O.
// Thread: owner.
//
//   text, binary (and continuations) --> the whole message, back in one frame
//   ping --> pong        pong --> nothing        close --> close, and the end
//   anything malformed --> close with the reason (§7.4), and the end
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace onehop::program {

class WebSocketFrames {
 public:
  static constexpr std::size_t kLargestMessage = 1024UL * 1024;

  // Appends to `answer`. Does nothing once has_ended().
  void receive(std::string_view data, std::string& answer);
  // A close frame was sent: nothing follows.
  bool has_ended() const noexcept { return ended_; }

 private:
  struct Header {
    std::size_t size;  // of the header itself
    std::uint64_t length;
    std::uint32_t mask_at;
    std::uint8_t opcode;
    bool is_last;
  };

  // Returns false if more bytes are needed or a close frame was sent.
  bool receive_frame(std::string& answer);
  bool read_header(Header& header, std::string& answer);
  bool check(const Header& header, std::string& answer);
  std::string take_payload(const Header& header);
  void on_control(const Header& header, const std::string& payload, std::string& answer);
  void on_data(const Header& header, const std::string& payload, std::string& answer);
  void on_close(const std::string& payload, std::string& answer);
  void end(std::uint16_t code, std::string& answer);

  std::string_view rest() const noexcept { return std::string_view(received_).substr(at_); }

  std::string received_;
  std::size_t at_ = 0;   // where in it the next frame begins
  std::string message_;  // the fragments so far
  std::uint8_t message_opcode_ = 0;
  bool ended_ = false;
};

}  // namespace onehop::program
