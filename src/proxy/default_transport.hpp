// SPDX-License-Identifier: Apache-2.0
//
// The RoundTripper of a proxy that was given none. Its source is the only file of this floor that
// knows that Transport exists.
// Thread: any.
#pragma once

#include <onehop/round_tripper.hpp>

#include <memory>

namespace onehop {

std::shared_ptr<const RoundTripper> make_default_transport();

}  // namespace onehop
