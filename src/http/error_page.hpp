// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <onehop/status.hpp>

#include <string>
#include <string_view>

namespace onehop {

// Returns the HTML page for an error: its cause, advice, and the request id unless that is "". The
// page loads no resources and runs no scripts. `reason` is plain text, not HTML.
std::string error_page(Status status, std::string_view reason, std::string_view request_id);

}  // namespace onehop
