// SPDX-License-Identifier: Apache-2.0

#include <onehop/version.hpp>

namespace onehop {

std::string_view to_string(Version version) noexcept {
  switch (version) {
    case Version::http_1_0:
      return "HTTP/1.0";
    case Version::http_1_1:
      return "HTTP/1.1";
    case Version::http_2:
      return "HTTP/2";
  }
  return "";
}

}  // namespace onehop
