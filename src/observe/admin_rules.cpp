// SPDX-License-Identifier: Apache-2.0
#include "observe/admin_rules.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/forwarding_fields.hpp"
#include "http/host.hpp"
#include "net/address.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <unistd.h>

namespace onehop::observe {
namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr std::string_view kBasic = "Basic ";

// Compares in a time that does not depend on where the texts differ.
bool are_equal(std::string_view secret, std::string_view given) noexcept {
  unsigned difference = secret.size() == given.size() ? 0 : 1;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    const char c = i < given.size() ? given[i] : '\0';
    difference |= static_cast<unsigned char>(secret[i]) ^ static_cast<unsigned char>(c);
  }
  return difference == 0;
}

int base64_digit(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// Decodes base64 (RFC 4648 §4). Returns std::nullopt for other text.
std::optional<std::string> from_base64(std::string_view text) {
  while (text.ends_with('='))
    text.remove_suffix(1);
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = ((bits << 6U) | static_cast<std::uint32_t>(digit)) & 0xffffU;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffU);
  }
  return out;
}

// Reports whether the peer is root or the user of this process. A request without a connection
// comes from this process.
bool is_own_user(const ConnectionInfo& connection) noexcept {
  return !connection.id || connection.peer_user == 0 || connection.peer_user == ::geteuid();
}

bool has_scheme(std::string_view value, std::string_view scheme) noexcept {
  return value.size() > scheme.size() &&
         ascii::equals_ignoring_case(value.substr(0, scheme.size()), scheme);
}

// Reports whether a proxy has forwarded the request. A proxy whose backend is this socket connects
// with the rights of its own user, not with those of its clients.
bool came_through_a_proxy(const Request& request) {
  return std::ranges::any_of(request.headers(), [](const Field& field) {
    return forwarding_field(find_field(field.name), field.name) != ForwardingField::none ||
           ascii::equals_ignoring_case(field.name, "Via") ||
           ascii::equals_ignoring_case(field.name, "CDN-Loop");
  });
}

// Reports whether a page of another site would see the response. Following a link from another site
// is allowed, since that site does not see the response.
bool is_read_by_another_site(const Request& request) {
  const Headers& headers = request.headers();
  const std::string_view site = headers.get_or_empty("Sec-Fetch-Site");
  if (site.empty() || site == "none" || site == "same-origin") return false;
  const bool is_link = request.method() == Method::get &&
                       headers.get_or_empty("Sec-Fetch-Mode") == "navigate" &&
                       headers.get_or_empty("Sec-Fetch-Dest") == "document";
  return !is_link;
}

}  // namespace

bool AdminRules::asks_for_queries(const Request& request) {
  return request.url().query() == "queries=shown";
}

std::optional<Response> AdminRules::refusal(const Request& request) const {
  auto refusal = refusal_of_peer(request);
  const bool may_show_queries = is_local(request) || !options_.token.empty();
  if (refusal || may_show_queries || !asks_for_queries(request)) return refusal;
  return Response(Status::forbidden,
                  "Queries may hold secrets: they are shown only over the admin socket, or at an "
                  "address with --admin-token.\n");
}

std::optional<Response> AdminRules::refusal_of_peer(const Request& request) const {
  if (is_local(request)) {
    if (!is_own_user(request.connection())) {
      return Response(Status::forbidden,
                      "Only the user of this onehop, and root, may use its socket.\n");
    }
    if (!came_through_a_proxy(request)) return std::nullopt;
    return Response(Status::forbidden, "The admin socket accepts no requests from a proxy.\n");
  }
  if (!admits_host(request.host())) {
    return Response(Status::misdirected_request,
                    "The admin listener accepts as Host only IP addresses, localhost and the names "
                    "of --admin-name.\n");
  }
  if (is_read_by_another_site(request)) {
    return Response(Status::forbidden, "Pages of other sites may not read the admin listener.\n");
  }
  if (admits_token(request)) return std::nullopt;
  Response refusal(Status::unauthorized,
                   "The token of --admin-token is required: Authorization: Bearer TOKEN, or in a "
                   "browser any user name and the token as password.\n");
  refusal.headers().add("WWW-Authenticate", "Bearer realm=\"onehop\"");
  refusal.headers().add("WWW-Authenticate", "Basic realm=\"onehop\", charset=\"UTF-8\"");
  return refusal;
}

// A browser always sends a Host; health checks over HTTP/1.0 send none and are admitted.
bool AdminRules::admits_host(std::string_view host) const {
  if (host.empty()) return true;
  const auto authority = split_authority(host);
  if (!authority) return false;
  if (net::Address::from_ip(authority->host, 0)) return true;
  if (ascii::equals_ignoring_case(authority->host, "localhost")) return true;
  return std::ranges::any_of(options_.host_names, [&](const std::string& name) {
    return ascii::equals_ignoring_case(authority->host, name);
  });
}

bool AdminRules::admits_token(const Request& request) const {
  if (options_.token.empty()) return true;
  const std::string_view value = request.headers().get_or_empty("Authorization");
  if (has_scheme(value, kBearer)) return are_equal(options_.token, value.substr(kBearer.size()));
  if (!has_scheme(value, kBasic)) return false;
  const auto pair = from_base64(value.substr(kBasic.size()));
  if (!pair) return false;
  const std::size_t colon = pair->find(':');
  return colon != std::string::npos &&
         are_equal(options_.token, std::string_view(*pair).substr(colon + 1));
}

}  // namespace onehop::observe
