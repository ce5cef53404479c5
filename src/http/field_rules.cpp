// SPDX-License-Identifier: Apache-2.0
#include "http/field_rules.hpp"

#include "base/ascii.hpp"
#include "http/forwarding_fields.hpp"

#include <algorithm>
#include <array>

namespace onehop {
namespace {

bool starts_with_any(std::string_view name, const auto& prefixes) noexcept {
  return std::any_of(prefixes.begin(), prefixes.end(), [name](std::string_view prefix) {
    return ascii::starts_with_ignoring_case(name, prefix);
  });
}

// Families of names that servers act on before they read trailers, or instead of the head.
constexpr std::array<std::string_view, 18> kNotInTrailers = {
    "Content-",      "If-",          "X-Forwarded-",   "Proxy-",     "Sec-",      "Access-Control-",
    "X-HTTP-Method", "X-Original-",  "X-Rewrite-",     "X-Client-",  "X-Remote-", "X-Auth-",
    "X-SSL-",        "True-Client-", "CF-Connecting-", "Set-Cookie", "X-Method-", "X-Amzn-Oidc-"};
constexpr std::array<std::string_view, 2> kEndToEnd = {"Content-", "X-Forwarded-"};
// Names that are not in the table. The server or the proxy sets these fields, and a client must not
// remove them by naming them in Connection.
constexpr std::array<std::string_view, 3> kSetOnTheWay = {"traceparent", "tracestate", "CDN-Loop"};

}  // namespace

bool is_forbidden_in_trailers(FieldId id, std::string_view name) noexcept {
  if (id != FieldId::unknown) return has_flag(id, no_trailer);
  return starts_with_any(name, kNotInTrailers) ||
         forwarding_field(id, name) != ForwardingField::none;
}

bool is_protected_from_connection(FieldId id, std::string_view name) noexcept {
  if (id != FieldId::unknown) return has_flag(id, keep);
  return starts_with_any(name, kEndToEnd) ||
         std::ranges::any_of(kSetOnTheWay, [name](std::string_view kept) {
           return ascii::equals_ignoring_case(name, kept);
         });
}

}  // namespace onehop
