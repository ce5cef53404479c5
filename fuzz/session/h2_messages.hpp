// SPDX-License-Identifier: Apache-2.0
//
// H2Messages: what one end of an HTTP/2 connection received from the proxy, stream by stream, and
// how far it keeps to RFC 9113. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::fuzz {

struct H2Message {
  using Fields = std::vector<std::pair<std::string, std::string>>;

  Fields head;  // of the request, or of the final response
  Fields trailers;
  std::string content;
  int informational = 0;
  bool ended = false;  // END_STREAM
  bool reset = false;

  bool has_head() const noexcept { return !head.empty(); }
  // "" when there is none.
  std::string_view field(std::string_view name) const noexcept;
};

class H2Messages {
 public:
  H2Messages();
  ~H2Messages();

  // Aborts where the proxy broke a rule. Frames without end wait for the rest.
  void receive(std::string_view octets);

  std::map<std::uint32_t, H2Message>& streams() noexcept { return streams_; }
  bool said_goaway() const noexcept { return goaway_; }
  // What an orderly peer sends back: acknowledgements, and room for what was received.
  std::string take_answers() { return std::exchange(answers_, {}); }

 private:
  struct Inflater;
  struct Frame {
    std::uint8_t type;
    std::uint8_t flags;
    std::uint32_t stream;
    std::string_view payload;
  };

  void on_frame(const Frame& frame);
  void on_data(const Frame& frame);
  void on_block(std::uint32_t stream, bool ends, const std::string& block);
  void on_settings(const Frame& frame);

  std::string octets_;
  std::string block_;
  std::uint32_t block_of_ = 0;  // waits for CONTINUATION
  bool block_ends_ = false;
  bool goaway_ = false;
  bool begun_ = false;
  std::string answers_;
  std::map<std::uint32_t, H2Message> streams_;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace onehop::fuzz
