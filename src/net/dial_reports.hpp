// SPDX-License-Identifier: Apache-2.0
//
// DialReports receives each failed attempt to connect to an address of a Destination, even if
// another address was reached.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include <string_view>

namespace onehop::net {

class DialReports {
 public:
  // `address` has the form of Dialled::address. The side of `error` is local if this machine lacked
  // a resource, such as a descriptor.
  virtual void on_attempt_failed(std::string_view address, const Error& error) noexcept = 0;

 protected:
  ~DialReports() = default;
};

}  // namespace onehop::net
