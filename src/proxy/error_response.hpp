// SPDX-License-Identifier: Apache-2.0
//
// The proxy's own answer to an error, from what it needs of the request: its Accept, its
// Content-Type and its X-Request-Id, "" where there is none. default_error_response() is the public
// form. Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/response.hpp>

#include <string_view>

namespace onehop {

Response error_response_for(std::string_view accept,
                            std::string_view content_type,
                            std::string_view request_id,
                            const Error& error);

}  // namespace onehop
