// SPDX-License-Identifier: Apache-2.0
//
// The statuses that redirect_to() accepts.
// Thread: any; constant.
#pragma once

#include <onehop/status.hpp>

#include <string>

namespace onehop {

bool is_redirect_status(Status status) noexcept;

// Returns "301, 302, 303, 307 or 308".
std::string redirect_statuses();

}  // namespace onehop
