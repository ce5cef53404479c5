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

void FaultyWire::pass(std::string_view data) {
  if (data.empty()) return;
  gone_ += data;
  wire_.send(data);
}

void FaultyWire::send(std::string_view data) {
  if (over_) return;
  if (holds_) {
    held_ += data;
    return;
  }
  const std::size_t sent = gone_.size() - base_;
  if (!fault_ || sent + data.size() < fault_->at) return pass(data);
  const std::size_t before = fault_->at - sent;
  if (fault_->way == Way::garble) {
    if (before >= data.size()) return pass(data);  // belongs to the next connection
    std::string changed(data);
    changed[before] = fault_->byte;
    fault_.reset();
    return pass(changed);
  }
  pass(data.substr(0, before));
  end(fault_->way);
  if (holds_) held_ = data.substr(before);
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
