// SPDX-License-Identifier: Apache-2.0
//
// The known field names and the proxy's rules for them, from the table in field_names.def. Each row
// has an index, such as FieldId::host, and a FieldName, such as field::host.
// Thread: any; constant.
#pragma once

#include <onehop/headers.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace onehop {

enum class detail::FieldId : std::uint8_t {
  unknown = 0,
#define ONEHOP_FIELD(id, name, flags) id,
#include "http/field_names.def"
#undef ONEHOP_FIELD
};

using detail::FieldId;

enum FieldFlag : std::uint8_t {
  hop = 1,         // hop-by-hop whether or not Connection names it
  singleton = 2,   // at most one line makes sense
  list = 4,        // a comma-separated list; lines may be joined
  no_trailer = 8,  // could change framing, routing, authentication or trust: not in trailers
  keep = 16,       // end-to-end: naming it in Connection does not remove it
  claims = 32,     // a forwarding field: an earlier hop's claim about the client
};

// Converts between rows and FieldNames.
struct detail::FieldNames {
  static constexpr FieldName make(FieldId id, std::string_view text) noexcept {
    return FieldName(id, text);
  }
  static constexpr FieldId id_of(const FieldName& name) noexcept { return name.id_; }
};

constexpr FieldId id_of(const FieldName& name) noexcept {
  return detail::FieldNames::id_of(name);
}

namespace field {
#define ONEHOP_FIELD(id, name, flags) \
  inline constexpr FieldName id = detail::FieldNames::make(FieldId::id, name);
#include "http/field_names.def"
#undef ONEHOP_FIELD
}  // namespace field

namespace detail {
inline constexpr std::array kFieldFlags = {
    std::uint8_t{0},
#define ONEHOP_FIELD(id, name, flags) static_cast<std::uint8_t>(flags),
#include "http/field_names.def"
#undef ONEHOP_FIELD
};
static_assert(kFieldFlags.size() <= 63, "Headers keeps one bit for each known name");
}  // namespace detail

// Returns the row of `name`, ignoring case, or unknown if it has none.
FieldId find_field(std::string_view name) noexcept;
// Returns the name as the table spells it, or "" for unknown.
std::string_view name_of(FieldId id) noexcept;

constexpr std::uint64_t bit_of(FieldId id) noexcept {
  return std::uint64_t{1} << static_cast<unsigned>(id);
}

constexpr bool is_in(std::uint64_t set, FieldId id) noexcept {
  return (set & bit_of(id)) != 0;
}

constexpr bool has_flag(FieldId id, FieldFlag flag) noexcept {
  return (detail::kFieldFlags[static_cast<std::size_t>(id)] & flag) != 0;
}

constexpr bool is_hop_by_hop(FieldId id) noexcept {
  return has_flag(id, hop);
}

}  // namespace onehop
