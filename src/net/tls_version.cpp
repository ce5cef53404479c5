// SPDX-License-Identifier: Apache-2.0
#include "net/tls_version.hpp"

#include <openssl/crypto.h>

namespace onehop::net {

std::string_view tls_library_version() noexcept {
  return ::OpenSSL_version(OPENSSL_VERSION_STRING);
}

}  // namespace onehop::net
