// SPDX-License-Identifier: Apache-2.0

#include "proxy/upgrade.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "http/list_value.hpp"

#include <algorithm>

namespace onehop {
namespace {

// Calls `use` with each member of the Upgrade list until it returns true; reports whether it did.
template <class Use>
bool any_upgrade_member(const Headers& headers, Use use) {
  for (const FieldLine& line : HeaderLines(headers)) {
    if (line.id != FieldId::upgrade) continue;
    for (const std::string_view member : ListMembers(line.field().value)) {
      if (use(member)) return true;
    }
  }
  return false;
}

bool asks_for_upgrade(const Request& request) noexcept {
  const Headers& headers = request.headers();
  if (!HeaderLines(headers).has(FieldId::upgrade)) return false;
  if (request.connection().version == Version::http_1_0) return false;
  return headers.has_token(field::connection, "upgrade");
}

}  // namespace

bool drops_upgrade(const Request& request, std::string_view to_ask_for) noexcept {
  if (!to_ask_for.empty() || !asks_for_upgrade(request)) return false;
  return any_upgrade_member(request.headers(), [](std::string_view member) {
    return !ascii::equals_ignoring_case(member, "h2c");
  });
}

std::string_view upgrade_to_ask_for(const Request& request,
                                    const std::vector<std::string>& allowed) noexcept {
  const Headers& headers = request.headers();
  if (!asks_for_upgrade(request)) return {};
  std::string_view chosen;
  any_upgrade_member(headers, [&](std::string_view member) {
    const bool is_allowed =
        std::any_of(allowed.begin(), allowed.end(), [member](const std::string& protocol) {
          return ascii::equals_ignoring_case(member, protocol);
        });
    if (is_allowed) chosen = member;
    return is_allowed;
  });
  return chosen;
}

bool switches_to(std::string_view protocol, const Response& response) noexcept {
  const Headers& headers = response.headers();
  if (protocol.empty() || response.tunnel() == nullptr) return false;
  if (!HeaderLines(headers).has(FieldId::upgrade)) return false;
  if (!headers.has_token(field::connection, "upgrade")) return false;
  bool named = false;
  const bool named_another = any_upgrade_member(headers, [&](std::string_view member) {
    named = ascii::equals_ignoring_case(member, protocol);
    return !named;
  });
  return named && !named_another;
}

}  // namespace onehop
