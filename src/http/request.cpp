// SPDX-License-Identifier: Apache-2.0

#include <onehop/request.hpp>

#include <onehop/response.hpp>

#include "http/field_names.hpp"

#include <stdexcept>
#include <string>

namespace onehop {

std::string_view Request::host() const noexcept {
  return headers().get_or_empty(field::host);
}

void Request::informational(const Response& response) const {
  const Status status = response.status();
  if (!status.is_informational() || status == Status::switching_protocols) {
    throw std::invalid_argument("a " + std::to_string(status.code()) +
                                " cannot be sent before the final response");
  }
  if (parts_->on_informational) parts_->on_informational(response);
}

Request Request::clone_head() const {
  Request copy(method(), url(), headers().clone());
  copy.parts_->connection = connection();
  if (parts_->on_informational) {
    // The server's callback reads the memory of this request.
    copy.parts_->on_informational =
        [memory = headers().arena_or_none(),
         callback = parts_->on_informational](const Response& response) { callback(response); };
  }
  return copy;
}

}  // namespace onehop
