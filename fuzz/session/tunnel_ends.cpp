// SPDX-License-Identifier: Apache-2.0
#include "tunnel_ends.hpp"

#include "base/check.hpp"
#include "peer.hpp"
#include "support/h2_frames.hpp"

#include <algorithm>

namespace onehop::fuzz {

std::string tunnel_text(std::size_t from, std::size_t size) {
  std::string data(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    data[i] = static_cast<char>('a' + (from + i) % 23);
  return data;
}

void TunnelEnd::note(std::string_view what, std::string_view details) const {
  trace(name_, 0, what, details);
}

void TunnelEnd::say(std::size_t size) {
  size = std::min(size, kMax - said_);
  if (ended_ || left_ || size == 0) return;
  note("says", std::to_string(size));
  send(tunnel_text(said_, size), false);
  said_ += size;
}

void TunnelEnd::end() {
  if (ended_ || left_) return;
  note("closes its half");
  ended_ = true;
  send({}, true);
}

void TunnelEnd::read() {
  if (!left_) receive();
}

void TunnelEnd::limit(std::size_t bytes) {
  if (left_) return;
  note("takes at most", std::to_string(bytes));
  wire_.limit_receiving(bytes);
}

void TunnelEnd::open_all() {
  if (!left_) wire_.limit_receiving(no_limit);
}

void TunnelEnd::leave(bool whole_connection) {
  if (left_) return;
  note(whole_connection ? "resets its connection" : "resets");
  left_ = true;
  if (whole_connection) {
    wire_.reset();
  } else {
    reset();
  }
}

// --- HTTP/1 ------------------------------------------------------------------------------------

std::string H1TunnelEnd::take_one_head() {
  const std::size_t end = data_.find("\r\n\r\n");
  ONEHOP_CHECK(end != std::string::npos);
  std::string head = data_.substr(0, end + 4);
  data_.erase(0, end + 4);
  return head;
}

std::string H1TunnelEnd::take_head() {
  data_ += wire().receive();
  for (;;) {
    std::string head = take_one_head();
    if (!head.starts_with("HTTP/1.1 103 ")) return head;
    ++hints;
  }
}

void H1TunnelEnd::send(std::string_view content, bool last) {
  if (!content.empty()) wire().send(content);
  if (last) wire().close_write();
}

void H1TunnelEnd::receive() {
  heard += std::exchange(data_, {});
  heard += wire().receive();
  heard_failure = wire().was_reset();
  heard_end = wire().at_end() && !heard_failure;
}

// --- HTTP/2 ------------------------------------------------------------------------------------

H2TunnelEnd::H2TunnelEnd(const char* name,
                         testing::Wire wire,
                         std::string_view preface,
                         Windows windows)
    : TunnelEnd(name, std::move(wire)), windows_(windows), is_client_(!preface.empty()) {
  write(std::string(preface) + first_settings(windows));
}

void H2TunnelEnd::write(std::string_view frames) {
  messages_.record_sent(frames);
  wire().send(frames);
}

H2Message& H2TunnelEnd::take_head() {
  take();
  H2Message& message = messages_.streams()[kStream];
  ONEHOP_CHECK(message.has_head());
  hints = message.informational;
  return message;
}

void H2TunnelEnd::keep_alive() {
  if (!left()) take();
}

void H2TunnelEnd::send_head(std::string_view block) {
  write(head_frames(kStream, false, block, false));
}

void H2TunnelEnd::open(std::uint32_t size, bool of_stream) {
  if (left() || size == 0 || messages_.streams()[kStream].ended) return;
  note(of_stream ? "opens its stream" : "opens its connection", std::to_string(size));
  write(window_update(of_stream ? kStream : 0, size));
}

void H2TunnelEnd::open_all() {
  TunnelEnd::open_all();
  if (std::exchange(windows_, Windows::wide) == Windows::wide) return;
  open(kLargeWindow, true);
  open(kLargeWindow, false);
}

void H2TunnelEnd::announce_end(bool again) {
  if (left()) return;
  constexpr std::uint32_t kAll = 0x7fff'ffff;
  is_last_ = is_last_ || again;  // its last stream never grows again
  note(is_last_ ? "announces its end again" : "announces its end");
  write(goaway_frame(is_client_ ? 0 : is_last_ ? kStream : kAll, 0));
}

void H2TunnelEnd::refuse() {
  if (left() || is_client_) return;
  note("refuses what it has begun");
  write(goaway_frame(0, 0));
  set_left();
}

void H2TunnelEnd::take() {
  messages_.receive(wire().receive());
  const std::string replies = messages_.take_replies();
  if (!replies.empty()) write(replies);
  pass_on();
}

void H2TunnelEnd::pass_on() {
  if (has_ended_ || messages_.streams()[kStream].reset) return;
  const std::size_t size = std::min(pending_.size(), messages_.room(kStream));
  const bool last = ends_ && size == pending_.size();
  if (size == 0 && !last) return;
  messages_.use_room(kStream, size);
  write(data_frames(kStream, std::string_view(pending_).substr(0, size), last));
  pending_.erase(0, size);
  has_ended_ = last;
}

void H2TunnelEnd::send(std::string_view content, bool last) {
  pending_ += content;
  ends_ = last;
  pass_on();
}

void H2TunnelEnd::receive() {
  take();
  const std::string updates = messages_.take_updates();
  if (windows_ != Windows::shut && !updates.empty()) write(updates);
  const H2Message& message = messages_.streams()[kStream];
  heard += std::string_view(message.content).substr(heard.size());
  heard_end = message.ended;
  heard_failure = message.reset || (wire().at_end() && !message.ended);
}

void H2TunnelEnd::reset() {
  wire().send(h2_frames::frame(h2_frames::rst_stream, 0, kStream, h2_frames::number(8, 4)));
}

}  // namespace onehop::fuzz
