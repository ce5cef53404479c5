// SPDX-License-Identifier: Apache-2.0
//
// CustomDialer adapts a public onehop::Dialer to net::Dialer. Thread: owner.
#pragma once

#include <onehop/dialer.hpp>

#include "net/dialer.hpp"

#include <memory>
#include <utility>

namespace onehop::net {

class CustomDialer final : public Dialer {
 public:
  CustomDialer(std::shared_ptr<const onehop::Dialer> dialer, Duration timeout) noexcept
      : dialer_(std::move(dialer)), timeout_(timeout) {}

  // Errors: those of the dialer; Errc::timed_out after the timeout; Errc::connect_failed if it
  // threw. Each is retry_safe, in Phase::connect.
  task<Result<Dialled>> dial(const Destination& destination) override;

 private:
  std::shared_ptr<const onehop::Dialer> dialer_;
  Duration timeout_;
};

}  // namespace onehop::net
