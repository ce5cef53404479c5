// SPDX-License-Identifier: Apache-2.0

#include "http/hop_by_hop.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/field_rules.hpp"
#include "http/header_lines.hpp"
#include "http/list_value.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace onehop {
namespace {

// A total order that ignores case. It compares sizes first because they usually differ.
bool sorts_before(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return a.size() < b.size();
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return ascii::to_lower(x) < ascii::to_lower(y);
  });
}

// Reports whether a connection option names a field to remove. "close" does not: it is reserved as
// a field name (RFC 9110 §18.4). The other common options are hop-by-hop fields themselves.
bool takes_a_field_away(std::string_view option) noexcept {
  const FieldId id = find_field(option);
  if (is_hop_by_hop(id) || is_protected_from_connection(id, option)) return false;
  return !ascii::equals_ignoring_case(option, "close");
}

// Returns the names of the fields that Connection removes, sorted so that the work stays small if a
// peer sends many names and many lines.
std::vector<std::string_view> nominated_names(const Headers& headers) {
  std::vector<std::string_view> names;
  for (const FieldLine& line : HeaderLines(headers)) {
    if (line.id != FieldId::connection) continue;
    for (const std::string_view option : ListMembers(line.field().value)) {
      if (takes_a_field_away(option)) names.push_back(option);
    }
  }
  std::sort(names.begin(), names.end(), sorts_before);
  return names;
}

}  // namespace

void remove_hop_by_hop(Headers& headers, TrailerField trailer) {
  const FieldId kept = trailer == TrailerField::keep ? FieldId::trailer : FieldId::unknown;
  std::vector<std::string_view> nominated;
  if (HeaderLines(headers).has(FieldId::connection)) nominated = nominated_names(headers);
  if (nominated.empty()) {
    HeaderWriter(headers).erase_if(
        [kept](const FieldLine& line) { return is_hop_by_hop(line.id) && line.id != kept; });
    return;
  }
  HeaderWriter(headers).erase_if([kept, &nominated](const FieldLine& line) {
    if (is_hop_by_hop(line.id)) return line.id != kept;
    return std::binary_search(nominated.begin(), nominated.end(), line.field().name, sorts_before);
  });
}

}  // namespace onehop
