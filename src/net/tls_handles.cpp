// SPDX-License-Identifier: Apache-2.0
#include "net/tls_handles.hpp"

namespace onehop::net {

std::string text_of(const X509_NAME* name) {
  const BioHandle memory(BIO_new(BIO_s_mem()));
  if (!memory || X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace onehop::net
