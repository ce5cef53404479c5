// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <onehop/status.hpp>

#include <string>
#include <string_view>

namespace onehop {

// The page that a person sees instead of a response: what has happened, what may help, and the id
// of the request unless that is "". It loads nothing and runs nothing. `reason` is text, not HTML.
std::string error_page(Status status, std::string_view reason, std::string_view request_id);

}  // namespace onehop
