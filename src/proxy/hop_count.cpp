// SPDX-License-Identifier: Apache-2.0
#include "proxy/hop_count.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "http/list_value.hpp"

#include <string_view>

namespace onehop {
namespace {

constexpr std::string_view kField = "CDN-Loop";
constexpr std::string_view kName = "onehop";

int hops_so_far(const Headers& headers) {
  int hops = 0;
  for (const std::string_view value : headers.get_all(kField)) {
    for (const std::string_view member : ListMembers(value)) {
      const std::string_view name = member.substr(0, member.find_first_of("; \t"));
      if (ascii::equals_ignoring_case(name, kName)) ++hops;
    }
  }
  return hops;
}

}  // namespace

Result<void> count_hop(Headers& headers) {
  if (!HeaderLines(headers).has(FieldId::x_forwarded_for) &&
      !HeaderLines(headers).has(FieldId::x_forwarded_proto))
    return {};
  if (hops_so_far(headers) >= kMaxHops) {
    return failure(Errc::loop_detected, Side::local,
                   "CDN-Loop names this proxy too often: does the backend URL lead back to it?");
  }
  headers.add(kField, kName);
  return {};
}

}  // namespace onehop
