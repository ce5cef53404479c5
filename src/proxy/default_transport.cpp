// SPDX-License-Identifier: Apache-2.0

#include "proxy/default_transport.hpp"

#include <onehop/transport.hpp>

namespace onehop {

std::shared_ptr<const RoundTripper> make_default_transport() {
  return std::make_shared<const Transport>();
}

}  // namespace onehop
