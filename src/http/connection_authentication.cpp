// SPDX-License-Identifier: Apache-2.0
#include "http/connection_authentication.hpp"

#include "base/ascii.hpp"
#include "http/header_lines.hpp"
#include "http/list_value.hpp"

#include <string_view>

namespace onehop::detail {
namespace {

// A list member begins with a scheme, or is a parameter of the scheme before it (RFC 9110 §11.6.1).
// A quoted text that begins like a scheme counts as one: at worst a connection is reserved
// needlessly.
bool is_connection_scheme(std::string_view member) noexcept {
  const std::string_view scheme = member.substr(0, member.find_first_of(" \t="));
  return ascii::equals_ignoring_case(scheme, "NTLM") ||
         ascii::equals_ignoring_case(scheme, "Negotiate");
}

}  // namespace

bool names_connection_scheme(const Headers& headers, FieldName field) noexcept {
  for (const FieldLine& line : HeaderLines(headers)) {
    if (line.id != id_of(field)) continue;
    for (const std::string_view member : ListMembers(line.field().value)) {
      if (is_connection_scheme(member)) return true;
    }
  }
  return false;
}

}  // namespace onehop::detail
