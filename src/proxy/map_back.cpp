// SPDX-License-Identifier: Apache-2.0

#include "proxy/map_back.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "proxy/route_path.hpp"

#include <algorithm>
#include <vector>

namespace onehop {
namespace {

// Reports whether an authority is that of the request, which may leave out the default port.
bool is_same_place(std::string_view authority, std::string_view host, std::string_view port) {
  if (ascii::equals_ignoring_case(authority, host)) return true;
  for (std::string_view* one : {&authority, &host}) {
    if (one->ends_with(port)) one->remove_suffix(port.size());
  }
  return ascii::equals_ignoring_case(authority, host);
}

// Returns the size of the part before the path of `location`; std::nullopt if it leads elsewhere.
std::optional<std::size_t> size_before_path(std::string_view location, std::string_view host) {
  std::size_t authority_at = 0;
  std::string_view port = ":443";
  if (ascii::starts_with_ignoring_case(location, "https://")) {
    authority_at = 8;
  } else if (ascii::starts_with_ignoring_case(location, "http://")) {
    authority_at = 7;
    port = ":80";
  } else if (location.starts_with("//")) {
    authority_at = 2;
  } else if (location.starts_with('/')) {
    return 0;
  } else {
    return std::nullopt;  // relative to the request's path, or another scheme
  }
  const std::size_t end = std::min(location.find_first_of("/?#", authority_at), location.size());
  const std::string_view authority = location.substr(authority_at, end - authority_at);
  if (!is_same_place(authority, host, port)) return std::nullopt;
  return end;
}

std::optional<std::string> location_for_client(std::string_view location,
                                               const PrefixChange& change,
                                               std::string_view host) {
  const std::optional<std::size_t> begin = size_before_path(location, host);
  if (!begin) return std::nullopt;
  const std::size_t end = std::min(location.find_first_of("?#", *begin), location.size());
  const std::string_view path = location.substr(*begin, end - *begin);
  const auto mapped = path_for_client(path.empty() ? "/" : path, change);
  if (!mapped) return std::nullopt;
  return std::string(location.substr(0, *begin)) + *mapped + std::string(location.substr(end));
}

// One attribute of a cookie, " Path=/x"; std::nullopt if it stays.
std::optional<std::string> attribute_for_client(std::string_view attribute,
                                                const PrefixChange& change) {
  const std::size_t equals = attribute.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  if (!ascii::equals_ignoring_case(ascii::trim_blanks(attribute.substr(0, equals)), "path")) {
    return std::nullopt;
  }
  const std::string_view path = ascii::trim_blanks(attribute.substr(equals + 1));
  if (!path.starts_with('/')) return std::nullopt;  // the default path
  std::optional<std::string> mapped = path_for_client(path, change);
  if (!mapped) return std::nullopt;
  // "/api/" is not a path of /api, so a cookie for all has none at its end.
  if (path == "/" && mapped->size() > 1) mapped->pop_back();
  return std::string(attribute.substr(0, equals + 1)) + *mapped;
}

std::optional<std::string> cookie_for_client(std::string_view cookie, const PrefixChange& change) {
  if (ascii::starts_with_ignoring_case(ascii::trim_blanks(cookie), "__Host-")) return std::nullopt;
  std::string text;
  bool is_changed = false;
  for (std::size_t at = 0; at <= cookie.size();) {
    const std::size_t end = std::min(cookie.find(';', at), cookie.size());
    const std::string_view part = cookie.substr(at, end - at);
    const auto mapped = at == 0 ? std::nullopt : attribute_for_client(part, change);
    is_changed = is_changed || mapped.has_value();
    text.append(at == 0 ? "" : ";").append(mapped ? std::string_view(*mapped) : part);
    at = end + 1;
  }
  if (!is_changed) return std::nullopt;
  return text;
}

}  // namespace

std::optional<std::string> path_for_client(std::string_view path, const PrefixChange& change) {
  if (!is_below(path, change.add)) return std::nullopt;
  std::string mapped = change.strip;
  mapped += path.substr(change.add.size());
  if (mapped.empty()) mapped = "/";
  // Without the prefix, a path that the client has made up may be a URL of another host.
  if (leads_away(mapped)) return std::nullopt;
  return mapped;
}

void map_back(Response& response, const PrefixChange& change, std::string_view host) {
  Headers& headers = response.headers();
  if (const auto location = headers.get(field::location)) {
    const auto mapped = location_for_client(*location, change, host);
    if (mapped) headers.set(field::location, *mapped);
  }
  if (!HeaderLines(headers).has(FieldId::set_cookie)) return;
  std::vector<std::string> cookies;
  bool is_changed = false;
  for (const std::string_view cookie : headers.get_all(field::set_cookie)) {
    const std::optional<std::string> mapped = cookie_for_client(cookie, change);
    is_changed = is_changed || mapped.has_value();
    cookies.emplace_back(mapped ? std::string_view(*mapped) : cookie);
  }
  if (!is_changed) return;
  headers.erase(field::set_cookie);
  for (const std::string& cookie : cookies)
    HeaderWriter(headers).add_valid(field::set_cookie, cookie);
}

}  // namespace onehop
