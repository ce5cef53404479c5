// SPDX-License-Identifier: Apache-2.0
#include "support/faulty_wire.hpp"

#include <utility>

namespace onehop::test {

std::string_view name_of(Way way) {
  switch (way) {
    case Way::none:
      return "nothing";
    case Way::close:
      return "close";
    case Way::half_close:
      return "half-close";
    case Way::reset:
      return "reset";
    case Way::refuse:
      return "refuse";
    case Way::stall:
      return "stall";
    case Way::delay:
      return "delay";
    case Way::garble:
      return "garble";
  }
  return "?";
}

void FaultyWire::pass(std::string_view octets) {
  if (octets.empty()) return;
  gone_ += octets;
  wire_.send(octets);
}

void FaultyWire::send(std::string_view octets) {
  if (over_) return;
  if (holds_) {
    held_ += octets;
    return;
  }
  const std::size_t sent = gone_.size() - base_;
  if (!fault_ || sent + octets.size() < fault_->at) return pass(octets);
  const std::size_t before = fault_->at - sent;
  if (fault_->way == Way::garble) {
    if (before >= octets.size()) return pass(octets);  // it is the next one's
    std::string changed(octets);
    changed[before] = fault_->octet;
    fault_.reset();
    return pass(changed);
  }
  pass(octets.substr(0, before));
  end(fault_->way);
  if (holds_) held_ = octets.substr(before);
}

void FaultyWire::end(Way way) {
  fault_.reset();
  holds_ = way == Way::delay;
  closed_ = way == Way::close || way == Way::half_close || way == Way::refuse;
  over_ = closed_ || way == Way::reset || way == Way::stall;
  if (way == Way::refuse && tell_) tell_();
  if (way == Way::close || way == Way::refuse) wire_.close();
  if (way == Way::half_close) wire_.close_write();
  if (way == Way::reset) wire_.reset();
}

void FaultyWire::release() {
  if (std::exchange(holds_, false)) pass(std::exchange(held_, {}));
}

}  // namespace onehop::test
