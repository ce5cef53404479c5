// SPDX-License-Identifier: Apache-2.0

#include "http/idna.hpp"

#include <memory>

#include <idn2.h>

namespace onehop {

std::optional<std::string> idna_to_ascii(std::string_view host) {
  const std::string terminated(host);
  char* out = nullptr;
  const int status =
      idn2_to_ascii_8z(terminated.c_str(), &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> owned(out, idn2_free);
  if (status != IDN2_OK || out == nullptr) return std::nullopt;
  return std::string(out);
}

}  // namespace onehop
