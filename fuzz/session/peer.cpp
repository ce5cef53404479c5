// SPDX-License-Identifier: Apache-2.0
#include "peer.hpp"

#include "base/check.hpp"

#include <cstdlib>
#include <iostream>
#include <string>

namespace onehop::fuzz {
namespace {

enum Kind : std::uint8_t {
  begins,
  goes_on,
  interjects,
  receives,
  odd,
  leaves,
  bursts,
  goes_away,
  opens,
  stalls
};

Kind kind_of(const Action& action) noexcept {
  constexpr Kind kMix[] = {begins,     begins, goes_on, goes_on,    begins, goes_on,
                           interjects, odd,    leaves,  interjects, odd,    receives};
  return kMix[(action.kind >> 3U) % std::size(kMix)];
}

// Maps the remaining kinds of actions, for scripts with scenes.
Kind kind_in_scene(const Action& action) noexcept {
  constexpr std::size_t kFirst = 24;
  constexpr Kind kMix[] = {bursts, goes_away, opens, stalls, opens, goes_on, begins, goes_away};
  const std::size_t kind = action.kind >> 3U;
  return kind < kFirst ? kind_of(action) : kMix[kind - kFirst];
}

}  // namespace

bool is_rude(const Action& action, bool has_scenes) noexcept {
  const Kind kind = has_scenes ? kind_in_scene(action) : kind_of(action);
  return kind == odd || kind == leaves;
}

void trace(std::string_view who, std::size_t index, std::string_view what, std::string_view data) {
  static const bool wanted = std::getenv("FUZZ_TRACE") != nullptr;
  if (!wanted) return;
  std::cerr << who << ' ' << index << ' ' << what << ' ' << data.size() << ' ';
  for (const char c : data.substr(0, 400)) {
    if (c >= ' ' && c != '\\' && c <= '~') {
      std::cerr << c;
    } else {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      std::cerr << '\\' << kDigits[byte / 16U] << kDigits[byte % 16U];
    }
  }
  std::cerr << '\n';
}

void Peer::send(std::string_view text) {
  trace(name_, index_, holds_ ? "will send" : "sends", text);
  held_ += text;
  if (!holds_) flush();
}

void Peer::flush() {
  holds_ = false;
  if (held_.empty()) return;
  on_sent(held_);
  wire_.send(std::exchange(held_, {}));
}

void Peer::act(const Action& action) {
  if (left_) return;
  holds_ = (action.choice & 0x80U) != 0;
  switch (ledger_.has_scenes ? kind_in_scene(action) : kind_of(action)) {
    case begins:
      return begin(action);
    case goes_on:
      return go_on(action);
    case interjects:
      return interject(action);
    case odd:
      return send_odd(action.data, action);
    case leaves:
      return leave(action.at(0));
    case bursts:
      return burst(action);
    case goes_away:
      return go_away(action);
    case opens:
      return open(action);
    case stalls:
      return stall(action);
    default:
      return receive();
  }
}

void Peer::receive() {
  if (left_) return;
  const std::string data = wire_.receive();
  if (!data.empty()) {
    trace(name_, index_, "receives", data);
    taken_ += data.size();
    on_received(data);
  }
  was_reset_ = wire_.was_reset();
  if (!std::exchange(at_end_, wire_.at_end()) && at_end_)
    trace(name_, index_, was_reset_ ? "was reset" : "is at the end", {});
}

void Peer::check_is_ours(const Said& answer, std::size_t informational) const {
  if (!answer.asked || !ledger_.is_plain_answer(answer)) return;
  ONEHOP_CHECK(answer.asked->peer == index_);
  // The proxy may have sent a 100 itself.
  ONEHOP_CHECK(informational <= answer.asked->hints + 1);
}

void Peer::take_all() {
  is_stalled_ = false;
  if (!left_) wire_.limit_receiving(no_limit);
}

void Peer::stall(const Action& action) {
  constexpr Limit<std::size_t> kBytes[] = {0, 0, 1, 9, 100, 5000, 60'000, no_limit};
  const Limit<std::size_t> limit = kBytes[action.at(0) % std::size(kBytes)];
  trace(name_, index_, "takes at most", std::to_string(limit.value()));
  is_stalled_ = !limit.is_none();
  wire_.limit_receiving(limit);
}

void Peer::leave(std::uint8_t how) {
  if (closed_write_ && how % 4 < 2) return;
  flush();
  on_leave(how % 4 == 2);
  trace(name_, index_, how % 4 < 2 ? "closes its half" : how % 4 == 2 ? "resets" : "closes", {});
  if (how % 4 < 2) {
    closed_write_ = true;
    wire_.close_write();
    return;
  }
  receive();
  left_ = true;
  if (how % 4 == 2) {
    wire_.reset();
  } else {
    wire_.close();
  }
}

void Peer::close(bool with_reset) {
  flush();
  receive();
  if (!left_) on_leave(with_reset);
  if (!at_end_) left_ = true;
  if (with_reset) {
    wire_.reset();
  } else {
    wire_.close();
  }
}

}  // namespace onehop::fuzz
