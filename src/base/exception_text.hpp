// SPDX-License-Identifier: Apache-2.0
//
// Describes the exception that is being handled, whatever its type: user code may throw anything.
// Call it inside a catch block only.
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
