// SPDX-License-Identifier: Apache-2.0

#include <onehop/request.hpp>

#include "http/field_names.hpp"

namespace onehop {

std::string_view Request::host() const noexcept {
  return headers_.get_or_empty(field::host);
}

Request Request::clone_head() const {
  Request copy(method_, url_, headers_.clone());
  copy.connection_ = connection_;
  copy.on_informational_ = on_informational_;
  return copy;
}

}  // namespace onehop
