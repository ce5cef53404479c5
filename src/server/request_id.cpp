// SPDX-License-Identifier: Apache-2.0
#include "server/request_id.hpp"

#include "io/random_bytes.hpp"

namespace onehop::server {

RequestId::RequestId() {
  io::fill_with_random_digits(text_);
}

}  // namespace onehop::server
