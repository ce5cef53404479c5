// SPDX-License-Identifier: Apache-2.0
//
// Builds the proxy's own responses. error_response_for() returns the response to an error, from
// three fields of the request: Accept, Content-Type and X-Request-ID, each "" if it is absent.
// default_error_response() is the public form.
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include <string_view>

namespace onehop {

Response error_response_for(std::string_view accept,
                            std::string_view content_type,
                            std::string_view request_id,
                            const Error& error);

// Returns a response with the status and a short text, in the form that the request accepts. A 205
// and a status that forbids a body have no text.
Response response_to(const Request& request, Status status);

}  // namespace onehop
