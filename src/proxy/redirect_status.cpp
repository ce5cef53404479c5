// SPDX-License-Identifier: Apache-2.0
#include "proxy/redirect_status.hpp"

#include <algorithm>
#include <array>

namespace onehop {
namespace {

constexpr std::array kAll = {Status::moved_permanently, Status::found, Status::see_other,
                             Status::temporary_redirect, Status::permanent_redirect};

}  // namespace

bool is_redirect_status(Status status) noexcept {
  return std::ranges::find(kAll, status) != kAll.end();
}

std::string redirect_statuses() {
  std::string text;
  for (const Status& one : kAll) {
    if (!text.empty()) text += &one == &kAll.back() ? " or " : ", ";
    text += std::to_string(one.code());
  }
  return text;
}

}  // namespace onehop
