// SPDX-License-Identifier: Apache-2.0

#include <onehop/request.hpp>

#include "http/field_names.hpp"

namespace onehop {

std::string_view Request::host() const noexcept {
  return headers().get_or_empty(field::host);
}

Request Request::clone_head() const {
  Request copy(method(), url(), headers().clone());
  copy.parts_->connection = connection();
  copy.parts_->on_informational = parts_->on_informational;
  return copy;
}

}  // namespace onehop
