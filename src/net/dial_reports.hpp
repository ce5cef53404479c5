// SPDX-License-Identifier: Apache-2.0
//
// DialReports hears of the attempts to connect to each address of a Destination that have failed,
// also if another address was reached.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include <string_view>

namespace onehop::net {

class DialReports {
 public:
  // `address` is in the form of Dialled::address. The side of `error` is local for want of
  // something on this machine.
  virtual void on_attempt_failed(std::string_view address, const Error& error) noexcept = 0;

 protected:
  ~DialReports() = default;
};

}  // namespace onehop::net
