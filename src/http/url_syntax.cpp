// SPDX-License-Identifier: Apache-2.0

#include "http/url_syntax.hpp"

#include "base/ascii.hpp"
#include "http/host.hpp"
#include "http/idna.hpp"
#include "http/query.hpp"

#include <algorithm>
#include <array>

namespace onehop {
namespace {

struct Scheme {
  std::string_view name;
  std::uint16_t port;
};
constexpr std::array<Scheme, 4> kSchemes = {
    {{"http", 80}, {"https", 443}, {"h2c", 80}, {"unix", 0}}};

std::string quoted(std::string_view text) {
  constexpr std::size_t kMaxShown = 80;
  std::string shown(1, '"');
  for (const char c : text.substr(0, kMaxShown))
    shown += ascii::is_value_byte(c) ? c : '?';
  return shown.append(text.size() > kMaxShown ? "...\"" : "\"");
}

std::string suggestion_for(std::string_view text) {
  if (text.starts_with("//")) return "http:" + std::string(text);
  if (text.starts_with('/') || text.starts_with("./")) return "unix:" + std::string(text);
  const bool only_port = std::all_of(text.begin(), text.end(), ascii::is_digit);
  if (only_port) return "http://localhost:" + std::string(text);
  if (is_ipv6_address(text)) return "http://[" + std::string(text) + "]";
  if (text.starts_with(':')) return "http://localhost" + std::string(text);
  return "http://" + std::string(text);
}

bool looks_like_a_scheme(std::string_view text) noexcept {
  return !text.empty() && ascii::is_alpha(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return ascii::is_alpha(c) || ascii::is_digit(c) || c == '+' || c == '-' || c == '.';
         });
}

bool is_blank_or_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7f;
}

std::unexpected<Error> unknown_scheme(std::string_view scheme) {
  std::string detail = "unknown scheme " + quoted(scheme) + ": ";
  if (ascii::equals_ignoring_case(scheme, "ws")) return bad_url(detail + "write http://");
  if (ascii::equals_ignoring_case(scheme, "wss")) return bad_url(detail + "write https://");
  if (ascii::equals_ignoring_case(scheme, "grpc")) return bad_url(detail + "write h2c://");
  return bad_url(detail + "http, https, h2c and unix are known");
}

}  // namespace

std::unexpected<Error> bad_url(std::string detail) {
  return failure(Errc::bad_url, Side::local, std::move(detail));
}

Result<std::size_t> find_scheme(std::string_view text) {
  if (text.empty()) return bad_url("empty URL");
  const auto odd = std::find_if(text.begin(), text.end(), is_blank_or_control);
  if (odd != text.end()) {
    return bad_url("blank or control character at position " +
                   std::to_string(odd - text.begin() + 1));
  }
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view name = text.substr(0, colon);
  const std::string_view rest = text.substr(std::min(colon + 1, text.size()));
  const auto known = std::find_if(kSchemes.begin(), kSchemes.end(), [name](const Scheme& scheme) {
    return ascii::equals_ignoring_case(scheme.name, name);
  });
  const bool is_known = colon < text.size() && known != kSchemes.end();
  if (is_known && (known->name == "unix" || rest.starts_with("//"))) return colon;
  if (!is_known && rest.starts_with("//") && looks_like_a_scheme(name)) return unknown_scheme(name);
  if (is_known && !std::all_of(rest.begin(), rest.end(), ascii::is_digit)) {
    return bad_url("\"//\" is missing after \"" + std::string(name) + ":\"");
  }
  return bad_url("missing scheme; did you mean " + suggestion_for(text) + "?");
}

std::uint16_t default_port(std::string_view scheme) noexcept {
  for (const Scheme& known : kSchemes) {
    if (known.name == scheme) return known.port;
  }
  return 0;
}

Result<std::string_view> find_socket_path(std::string_view text, std::size_t limit) {
  if (text.starts_with("//")) {
    if (!text.starts_with("///")) {
      return bad_url("a socket has no host: write unix:" + std::string(text.substr(2)) +
                     " or unix:" + std::string(text.substr(1)));
    }
    text.remove_prefix(2);
  }
  if (text.empty() || text == "/" || text == "@") return bad_url("the socket's path is missing");
  if (text.size() > limit) {
    return bad_url("the socket's path is longer than " + std::to_string(limit) + " bytes");
  }
  return text;
}

Result<void> check_user_info(std::string_view text) {
  const auto odd = std::find_if_not(text.begin(), text.end(), [](char c) {
    return ascii::is_reg_name_byte(c) || c == ',' || c == ':' || c == '%';
  });
  if (odd == text.end()) return {};
  return bad_url(quoted({odd, odd + 1}) + " in the user info needs percent-encoding");
}

Result<std::string> authority_to_ascii(std::string_view text) {
  const bool ascii_only = std::all_of(text.begin(), text.end(),
                                      [](char c) { return static_cast<signed char>(c) >= 0; });
  if (ascii_only) return std::string(text);
  const std::size_t colon = std::min(text.rfind(':'), text.size());
  std::optional<std::string> host = idna_to_ascii(text.substr(0, colon));
  if (!host) return bad_url("not a host name: " + quoted(text.substr(0, colon)));
  return std::move(*host).append(text.substr(colon));
}

std::string why_no_authority(std::string_view text) {
  if (is_ipv6_address(text)) {
    return "an IPv6 address needs brackets: [" + std::string(text) + "]";
  }
  if (text.empty() || text.front() == ':') return "empty host";
  if (text.front() == '[' && !split_authority(text.substr(0, text.find(']') + 1))) {
    return "not an IPv6 address: " + quoted(text);
  }
  const std::size_t search_from = text.front() == '[' ? text.find(']') : 0;
  const std::size_t colon = text.find(':', search_from);
  const std::string_view host = text.substr(0, colon);
  if (colon != std::string_view::npos && split_authority(host)) {
    return "bad port " + quoted(text.substr(colon + 1)) + ": it is 1 to 65535";
  }
  if (host.size() > kMaxHostSize) return "the host is longer than a DNS name";
  return "not a host name: " + quoted(host);
}

Result<void> check_configured_target(std::string_view target) {
  const auto odd = std::find_if_not(target.begin(), target.end(), ascii::is_target_byte);
  if (odd != target.end()) {
    return bad_url("a byte in " + quoted(target) + " needs percent-encoding");
  }
  if (!has_valid_escapes(target.substr(0, target.find('?')))) {
    return bad_url("a malformed escape in " + quoted(target));
  }
  return {};
}

}  // namespace onehop
