// SPDX-License-Identifier: Apache-2.0
//
// make_default_transport() returns the RoundTripper of a proxy without one of its own. Its source
// is the only file of this floor that includes Transport. Thread: any.
#pragma once

#include <onehop/round_tripper.hpp>

#include <memory>

namespace onehop {

std::shared_ptr<const RoundTripper> make_default_transport();

}  // namespace onehop
