// SPDX-License-Identifier: Apache-2.0

#include <onehop/request.hpp>

#include <onehop/response.hpp>

#include "http/field_names.hpp"
#include "http/header_lines.hpp"

#include <stdexcept>
#include <string>

namespace onehop {

std::string_view Request::host() const noexcept {
  return headers().get_or_empty(field::host);
}

void Request::send_informational(const Response& response) const {
  const Status status = response.status();
  if (!status.is_informational() || status == Status::switching_protocols) {
    throw std::invalid_argument("a " + std::to_string(status.code()) +
                                " cannot be sent before the final response");
  }
  if (parts_->on_informational) parts_->on_informational(response);
}

Values Request::values() const {
  Parts& parts = *parts_;
  if (!parts.value_memory) parts.value_memory = HeaderWriter(parts.headers).arena();
  return Values(parts.value_memory.get());
}

Request Request::clone_head() const {
  static_cast<void>(values());  // so that both share the values that are set later
  Request copy(method(), url(), headers().clone());
  copy.parts_->connection = connection();
  copy.parts_->value_memory = parts_->value_memory;
  copy.parts_->deadline = parts_->deadline;
  if (parts_->on_informational) {
    // The server's callback reads the memory of this request.
    copy.parts_->on_informational =
        [memory = parts_->value_memory,
         callback = parts_->on_informational](const Response& response) { callback(response); };
  }
  return copy;
}

}  // namespace onehop
