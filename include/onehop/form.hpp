// SPDX-License-Identifier: Apache-2.0
//
// read_form() reads the fields of a form that a browser sends as application/x-www-form-urlencoded.
// It does not read multipart/form-data.
#pragma once

#include <onehop/error.hpp>
#include <onehop/parameters.hpp>
#include <onehop/request.hpp>
#include <onehop/task.hpp>

#include <cstddef>

namespace onehop {

// Reads the content of `request`, which must outlive the task, as a form of at most `limit` bytes.
// Returns Errc::bad_request (Side::client) if the Content-Type is another one or the content is not
// a form, Errc::body_too_large (Side::client) if the content is longer, or the error of
// Body::read(). Thread: owner.
task<Result<Parameters>> read_form(Request& request, std::size_t limit = std::size_t{1} << 20);

}  // namespace onehop
