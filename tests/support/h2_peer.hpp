// SPDX-License-Identifier: Apache-2.0
//
// H2Peer reads the frames of the other end of an HTTP/2 connection. It does not send: replies()
// returns the frames that the protocol requires.
// Thread: owner.
#pragma once

#include "support/h1_message.hpp"
#include "support/h2_frames.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace onehop::test {

class H2Peer {
 public:
  // One direction of a stream.
  struct Message {
    Lines head;  // the final head of a response
    Lines trailers;
    std::string body;
    bool has_head = false;
    bool ended = false;
    std::optional<std::uint32_t> reset;
  };

  H2Peer();
  ~H2Peer();

  void take(std::string_view data);
  std::map<std::uint32_t, Message>& streams() noexcept { return streams_; }
  // Returns acknowledgements, and window updates for the content received, since the last call.
  std::string replies();
  // Reports whether the other end has stopped accepting requests.
  bool has_said_goodbye() const noexcept { return goodbye_; }

 private:
  struct Inflater;

  void take(const h2_frames::Frame& frame);
  void take_block(std::uint32_t stream, std::string_view block, bool end);

  std::unique_ptr<Inflater> inflater_;
  std::string data_;
  std::string block_;  // of an incomplete head
  bool block_ends_stream_ = false;
  std::map<std::uint32_t, Message> streams_;
  std::string replies_;
  bool goodbye_ = false;
};

}  // namespace onehop::test
