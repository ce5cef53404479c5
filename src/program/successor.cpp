// SPDX-License-Identifier: Apache-2.0
#include "program/successor.hpp"

#include <chrono>
#include <utility>

#include <pthread.h>

namespace onehop::program {
namespace {

// The time within which the thread notices that it must end while no order comes.
constexpr std::chrono::milliseconds kOrderPatience(200);

}  // namespace

Successor::Successor(Duties duties) : duties_(std::move(duties)) {
  try {
    closing_ = std::jthread([this, begins = has_begun_.get_future()]() mutable {
      if (begins.get()) duties_.close_admin();
    });
    orders_ =
        std::jthread([this, comes = channel_.get_future()](const std::stop_token& stop) mutable {
          const ProcessChannel channel = comes.get();
          if (channel.is_open()) follow_orders(channel, stop);
        });
    ::pthread_setname_np(orders_.native_handle(), "onehop/orders");
  } catch (...) {
    has_begun_.set_value(false);
    throw;
  }
}

Successor::~Successor() {
  if (is_settled_) return;
  has_begun_.set_value(false);
  channel_.set_value(ProcessChannel());
}

void Successor::begin(ProcessChannel channel) {
  is_settled_ = true;
  has_begun_.set_value(true);
  channel_.set_value(std::move(channel));
}

void Successor::follow_orders(const ProcessChannel& channel, const std::stop_token& stop) const {
  while (!stop.stop_requested()) {
    const auto order = receive_order(channel, kOrderPatience);
    if (!order && !order.error().is(Errc::timed_out)) return;
    if (!order || !*order) continue;
    const auto report = duties_.obey(**order);
    if (report) (void)send(channel, *report);
  }
  // Sends the last numbers, which the other process reads after the end of this one.
  if (const auto report = duties_.obey(Order::report)) (void)send(channel, *report);
}

}  // namespace onehop::program
