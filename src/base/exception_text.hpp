// SPDX-License-Identifier: Apache-2.0
//
// exception_text() describes the exception that is being handled, whatever its type, because user
// code may throw anything. Call it only inside a catch block.
// Thread: any.
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
