// SPDX-License-Identifier: Apache-2.0

#include "proxy/map_back.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "proxy/route_host.hpp"
#include "proxy/route_path.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>
#include <vector>

namespace onehop {
namespace {

// The new text, or std::nullopt if the text stays unchanged.
using Changed = std::optional<std::string>;

// --- references --------------------------------------------------------------------------------

// A reference with an authority, such as "https://a.example/x" or "//a.example/x".
struct Reference {
  bool has_scheme = false;
  bool is_https = false;
  std::string_view authority;
  std::size_t path_at = 0;
};

// Returns std::nullopt for a reference without an authority, or with another scheme.
std::optional<Reference> parse_reference(std::string_view text) {
  Reference reference;
  std::size_t authority_at = 2;
  if (ascii::starts_with_ignoring_case(text, "https://")) {
    reference.has_scheme = reference.is_https = true;
    authority_at = 8;
  } else if (ascii::starts_with_ignoring_case(text, "http://")) {
    reference.has_scheme = true;
    authority_at = 7;
  } else if (!text.starts_with("//")) {
    return std::nullopt;
  }
  reference.path_at = std::min(text.find_first_of("/?#", authority_at), text.size());
  reference.authority = text.substr(authority_at, reference.path_at - authority_at);
  return reference;
}

// Reports whether the reference leads to `host`. Either may leave out the default port.
bool leads_to(const Reference& reference, std::string_view host) {
  std::string_view authority = reference.authority;
  if (ascii::equals_ignoring_case(authority, host)) return true;
  const std::string_view port = reference.has_scheme && !reference.is_https ? ":80" : ":443";
  for (std::string_view* one : {&authority, &host}) {
    if (one->ends_with(port)) one->remove_suffix(port.size());
  }
  return ascii::equals_ignoring_case(authority, host);
}

std::string_view all_of(std::string_view value) {
  return value;
}

// Returns "/x" for "0; url=/x", or "" if the value has no URL.
std::string_view url_in_refresh(std::string_view value) {
  constexpr std::string_view kUrl = "url";
  std::string_view rest = value.substr(std::min(value.find_first_of(";,"), value.size()));
  if (rest.empty()) return rest;
  rest = ascii::trim_blanks(rest.substr(1));
  if (!ascii::starts_with_ignoring_case(rest, kUrl)) return {};
  rest = ascii::trim_blanks(rest.substr(kUrl.size()));
  if (!rest.starts_with('=')) return {};
  rest = ascii::trim_blanks(rest.substr(1));
  const bool is_quoted = rest.starts_with('"') || rest.starts_with('\'');
  return is_quoted ? rest.substr(1, rest.find(rest.front(), 1) - 1) : rest;
}

struct ReferringField {
  std::string_view name;
  std::string_view (*reference_in)(std::string_view value);
};
constexpr std::array kReferringFields = {ReferringField{"Location", all_of},
                                         ReferringField{"Content-Location", all_of},
                                         ReferringField{"Refresh", url_in_refresh}};

// Calls map(reference), which returns a Changed, for each reference, and stores the changes.
template <class Map>
void map_references(Headers& headers, Map map) {
  for (const auto& [name, reference_in] : kReferringFields) {
    const auto value = headers.get(name);
    if (!value) continue;
    const std::string_view reference = reference_in(*value);
    const Changed mapped = map(reference);
    if (!mapped) continue;
    std::string text(value->data(), reference.data());
    text += *mapped;
    text.append(reference.data() + reference.size(), value->data() + value->size());
    headers.set(name, text);
  }
}

// --- cookies -----------------------------------------------------------------------------------

// Returns the value of a cookie's attribute, such as " Path=/x", if its name is `name`.
std::optional<std::string_view> value_of(std::string_view attribute, std::string_view name) {
  const std::size_t equals = attribute.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  if (!ascii::equals_ignoring_case(ascii::trim_blanks(attribute.substr(0, equals)), name)) {
    return std::nullopt;
  }
  return ascii::trim_blanks(attribute.substr(equals + 1));
}

// Calls map(attribute), which returns a Changed, for each attribute of a cookie. "" removes the
// attribute.
template <class Map>
Changed map_cookie(std::string_view cookie, Map map) {
  if (ascii::starts_with_ignoring_case(ascii::trim_blanks(cookie), "__Host-")) return std::nullopt;
  std::string text;
  bool is_changed = false;
  for (std::size_t at = 0; at <= cookie.size();) {
    const std::size_t end = std::min(cookie.find(';', at), cookie.size());
    const std::string_view part = cookie.substr(at, end - at);
    const Changed mapped = at == 0 ? std::nullopt : map(part);
    is_changed = is_changed || mapped.has_value();
    if (!mapped || !mapped->empty()) {
      text.append(at == 0 ? "" : ";").append(mapped ? std::string_view(*mapped) : part);
    }
    at = end + 1;
  }
  if (!is_changed) return std::nullopt;
  return text;
}

template <class Map>
void map_cookies(Headers& headers, Map map) {
  if (!HeaderLines(headers).has(FieldId::set_cookie)) return;
  std::vector<std::string> cookies;
  bool is_changed = false;
  for (const std::string_view cookie : headers.get_all(field::set_cookie)) {
    const Changed mapped = map_cookie(cookie, map);
    is_changed = is_changed || mapped.has_value();
    cookies.emplace_back(mapped ? std::string_view(*mapped) : cookie);
  }
  if (!is_changed) return;
  headers.erase(field::set_cookie);
  for (const std::string& cookie : cookies)
    HeaderWriter(headers).add_valid(field::set_cookie, cookie);
}

// --- paths -------------------------------------------------------------------------------------

Changed with_path_for_client(std::string_view reference,
                             const PrefixChange& change,
                             std::initializer_list<std::string_view> hosts) {
  std::size_t begin = 0;
  if (const auto parsed = parse_reference(reference)) {
    const auto is_named = [&](std::string_view host) { return leads_to(*parsed, host); };
    if (std::ranges::none_of(hosts, is_named)) return std::nullopt;
    begin = parsed->path_at;
  } else if (!reference.starts_with('/')) {
    return std::nullopt;  // relative to the request's path, or another scheme
  }
  const std::size_t end = std::min(reference.find_first_of("?#", begin), reference.size());
  const std::string_view path = reference.substr(begin, end - begin);
  const Changed mapped = path_for_client(path.empty() ? "/" : path, change);
  if (!mapped) return std::nullopt;
  return std::string(reference.substr(0, begin)) + *mapped + std::string(reference.substr(end));
}

Changed path_attribute_for_client(std::string_view attribute, const PrefixChange& change) {
  const auto path = value_of(attribute, "path");
  if (!path || !path->starts_with('/')) return std::nullopt;  // the default path
  Changed mapped = path_for_client(*path, change);
  if (!mapped) return std::nullopt;
  // A cookie with the Path "/api/" is not sent to /api, so the path of a cookie for the whole
  // application does not end with a slash.
  if (*path == "/" && mapped->size() > 1) mapped->pop_back();
  return std::string(attribute.substr(0, attribute.find('=') + 1)) + *mapped;
}

// --- hosts -------------------------------------------------------------------------------------

Changed with_host_for_client(std::string_view reference, const HostChange& change) {
  const auto parsed = parse_reference(reference);
  if (!parsed || !leads_to(*parsed, change.sent)) return std::nullopt;
  const bool asks_for_tls = parsed->is_https && !change.is_tls;
  std::string text = asks_for_tls ? "https" : change.scheme;
  return text.append("://").append(change.host).append(reference.substr(parsed->path_at));
}

}  // namespace

std::optional<std::string> path_for_client(std::string_view path, const PrefixChange& change) {
  if (!is_below(path, change.add)) return std::nullopt;
  std::string mapped = change.strip;
  mapped += path.substr(change.add.size());
  if (mapped.empty()) mapped = "/";
  // Without the prefix, a path that the client chose may be a URL of another host.
  if (leads_away(mapped)) return std::nullopt;
  return mapped;
}

void map_back(Response& response,
              const PrefixChange& change,
              std::initializer_list<std::string_view> hosts) {
  map_references(response.headers(), [&](std::string_view reference) {
    return with_path_for_client(reference, change, hosts);
  });
  map_cookies(response.headers(), [&](std::string_view attribute) {
    return path_attribute_for_client(attribute, change);
  });
}

void map_back(Response& response, const HostChange& change) {
  map_references(response.headers(), [&](std::string_view reference) {
    return with_host_for_client(reference, change);
  });
  const ComparedHost host(change.sent);
  map_cookies(response.headers(), [&host](std::string_view attribute) -> Changed {
    auto domain = value_of(attribute, "domain");
    if (domain && domain->starts_with('.')) domain->remove_prefix(1);
    if (!domain || !ascii::equals_ignoring_case(*domain, host.text())) return std::nullopt;
    return "";
  });
}

}  // namespace onehop
