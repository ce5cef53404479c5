// SPDX-License-Identifier: Apache-2.0
#include "transport/waiting_line.hpp"

#include "base/check.hpp"

namespace onehop::transport {

WaitingLine::Waiter::~Waiter() {
  leave();
  if (protocol == Protocol::http2 && changed.is_set()) line.reactor_.schedule(line.look_again_);
}

void WaitingLine::Waiter::join(Protocol over) noexcept {
  ONEHOP_DCHECK(!is_linked() && !lease);
  protocol = over;
  line.requests_.push_back(*this);
  ++line.waiting_[index(over)];
  ++line.counters_.waiting;
}

void WaitingLine::Waiter::leave() noexcept {
  if (!is_linked()) return;
  ONEHOP_DCHECK(line.waiting(protocol) > 0);
  unlink();
  --line.waiting_[index(protocol)];
  --line.counters_.waiting;
}

template <class Predicate>
WaitingLine::Waiter* WaitingLine::find(Predicate is_wanted) noexcept {
  IntrusiveList<WaitingRequest> passed;
  Waiter* found = nullptr;
  while (!found && !requests_.empty()) {
    auto& waiter = static_cast<Waiter&>(requests_.front());
    if (is_wanted(waiter)) {
      found = &waiter;
    } else {
      passed.push_back(waiter);
    }
  }
  passed.splice_back(requests_);
  requests_.splice_back(passed);
  return found;
}

WaitingLine::Waiter* WaitingLine::first(Protocol over) noexcept {
  if (waiting(over) == 0) return nullptr;
  return find([over](const Waiter& each) { return each.protocol == over; });
}

WaitingLine::Waiter* WaitingLine::first_for(const H1Connection& connection,
                                            bool& passes_by) noexcept {
  passes_by = false;
  if (waiting(Protocol::http1) == 0) return nullptr;
  return find([&](const Waiter& each) {
    if (each.protocol != Protocol::http1) return false;
    if (connection.suits(each.need.reuse)) return true;
    passes_by = true;
    return false;
  });
}

void WaitingLine::wake_http2(std::size_t count) noexcept {
  if (waiting(Protocol::http2) == 0) return;
  IntrusiveList<WaitingRequest> line, woken;
  while (count > 0 && !requests_.empty()) {
    auto& waiter = static_cast<Waiter&>(requests_.front());
    if (waiter.protocol == Protocol::http1) {
      line.push_back(waiter);
      continue;
    }
    woken.push_back(waiter);
    waiter.changed.set();
    --count;
  }
  line.splice_back(requests_);
  line.splice_back(woken);
  requests_.splice_back(line);
}

}  // namespace onehop::transport
