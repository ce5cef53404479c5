// SPDX-License-Identifier: Apache-2.0
//
// WebSocketFrames receives the frames of one client, in pieces of any size, and produces the frames
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

  // Processes `data` and appends the response frames to `answer`. Does nothing once has_ended().
  void receive(std::string_view data, std::string& answer);
  // Reports whether a close frame was sent, after which no frame follows.
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
  std::size_t at_ = 0;   // the offset of the next frame
  std::string message_;  // the fragments received so far
  std::uint8_t message_opcode_ = 0;
  bool ended_ = false;
};

}  // namespace onehop::program
