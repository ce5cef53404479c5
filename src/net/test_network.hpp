// SPDX-License-Identifier: Apache-2.0
//
// Where a transport finds the dialer of a test's in-memory network.
#pragma once

#include "net/dialer.hpp"

#include <memory>

namespace onehop::testing {
class Network;
}

namespace onehop::net {

// Set by the testing floor: `network` must outlive the dialer.
std::unique_ptr<Dialer> dialer_of(testing::Network& network, io::Reactor& reactor);

}  // namespace onehop::net
