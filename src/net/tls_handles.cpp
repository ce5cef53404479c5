// SPDX-License-Identifier: Apache-2.0
#include "net/tls_handles.hpp"

#include <openssl/err.h>

namespace onehop::net {

void forget_tls_errors() noexcept {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

std::string take_tls_reason(TlsErrorIn where) {
  const unsigned long code = ERR_peek_last_error();
  if (code == 0) return {};
  std::string text = words_for_tls_error(code, where);
  ERR_clear_error();
  return text;
}

std::string text_of(const X509_NAME* name) {
  const BioHandle memory(BIO_new(BIO_s_mem()));
  if (!memory || X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace onehop::net
