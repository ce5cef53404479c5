// SPDX-License-Identifier: Apache-2.0
//
// refuse(): the error of options that no server can have, or not now.
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
