// SPDX-License-Identifier: Apache-2.0
#include "transport/origin_key.hpp"

namespace onehop::transport {

std::string origin_key(const Url& url, std::string_view connect_address) {
  std::string key(url.scheme());
  key += '|';
  key += url.scheme() == "unix" ? url.socket_path() : url.host();
  key += '|';
  key += std::to_string(url.port());
  if (!connect_address.empty()) (key += '|') += connect_address;
  return key;
}

}  // namespace onehop::transport
