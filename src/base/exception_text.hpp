// SPDX-License-Identifier: Apache-2.0
//
// What the exception that is being handled says of itself, whatever its type: code of users may
// throw anything. Inside a catch block only.
#pragma once

#include <exception>
#include <string>

namespace onehop {

inline std::string exception_text() {
  try {
    throw;
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

}  // namespace onehop
