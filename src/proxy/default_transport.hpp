// SPDX-License-Identifier: Apache-2.0
//
// make_default_transport() returns the RoundTripper of a proxy whose options do not set one. Its
// source is the only file of this folder that includes Transport.
// Thread: any.
#pragma once

#include <onehop/round_tripper.hpp>

#include <memory>

namespace onehop {

std::shared_ptr<const RoundTripper> make_default_transport();

}  // namespace onehop
