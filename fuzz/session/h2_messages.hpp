// SPDX-License-Identifier: Apache-2.0
//
// H2Messages collects the frames that one end of an HTTP/2 connection received from the proxy by
// stream, and checks them against RFC 9113.
// Thread: owner.
#pragma once

#include "h2_windows.hpp"

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
  // Returns the value of the field, or "" if there is none.
  std::string_view field(std::string_view name) const noexcept;
};

class H2Messages {
 public:
  H2Messages();
  ~H2Messages();

  // Aborts if the proxy broke a rule. Incomplete frames wait for the rest.
  void receive(std::string_view data);

  std::map<std::uint32_t, H2Message>& streams() noexcept { return streams_; }
  bool said_goaway() const noexcept { return goaway_; }
  // Return the frames that an orderly peer sends: acknowledgements, and window updates for received
  // content.
  std::string take_answers() { return take_replies() + take_updates(); }
  std::string take_replies() { return std::exchange(replies_, {}); }
  std::string take_updates() { return std::exchange(updates_, {}); }

  // Returns how many bytes of content the proxy accepts from this end on the stream.
  std::size_t room(std::uint32_t stream) { return taken_.room(stream); }
  // Records that this end has sent `size` bytes of content.
  void use_room(std::uint32_t stream, std::size_t size) { taken_.use(stream, size); }

  // Records the frames that this end sends, so that receive() can abort if the proxy exceeds their
  // limits.
  void record_sent(std::string_view data);
  // Turns off the check of windows, because this end may have sent bytes that are not frames.
  void stop_checking_windows() noexcept { checks_windows_ = false; }

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
  void check_window(std::uint32_t stream, std::size_t size);

  std::string data_;
  std::string block_;
  std::uint32_t block_of_ = 0;  // waits for CONTINUATION
  bool block_ends_ = false;
  bool goaway_ = false;
  bool begun_ = false;
  std::string replies_;
  std::string updates_;
  H2Windows taken_;    // by the proxy
  H2Windows granted_;  // to the proxy
  std::string sent_;   // not yet a whole frame
  bool checks_windows_ = true;
  bool is_acknowledged_ = false;  // our first SETTINGS, which count from then on
  std::map<std::uint32_t, H2Message> streams_;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace onehop::fuzz
