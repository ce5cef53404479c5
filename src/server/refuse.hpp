// SPDX-License-Identifier: Apache-2.0
//
// refuse() returns the error for options that a server cannot have, at all or at present.
#pragma once

#include <onehop/error.hpp>

#include <expected>
#include <string>
#include <utility>

namespace onehop::server {

inline std::unexpected<Error> refuse(std::string why) {
  return failure(Errc::bad_option, Side::local, std::move(why));
}

}  // namespace onehop::server
