// SPDX-License-Identifier: Apache-2.0
#include "config/backend_url.hpp"

#include "config/commands.hpp"
#include "config/plain_text.hpp"
#include "config/pointed_out.hpp"
#include "config/quantities.hpp"
#include "config/suggestion.hpp"
#include "net/address.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace onehop::config {
namespace {

constexpr std::array<std::string_view, 3> kSchemes = {"http", "https", "h2c"};

// Schemes of other programs and their equivalents here.
struct ForeignScheme {
  std::string_view name;
  std::string_view ours;
  std::string_view why;
};
constexpr std::array<ForeignScheme, 7> kForeignSchemes = {{
    {"grpc", "h2c", "gRPC without TLS is HTTP/2 without TLS"},
    {"grpcs", "https", "gRPC with TLS is HTTP/2 with TLS"},
    {"ws", "http", "WebSockets do not need their own scheme"},
    {"wss", "https", "WebSockets do not need their own scheme"},
    {"http2", "h2c", "HTTP/2 without TLS is h2c"},
    {"h2", "https", "HTTP/2 with TLS is what https chooses"},
    {"tcp", "http", "this is a proxy for HTTP"},
}};

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_hexadecimal(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_port(std::string_view text) {
  if (!is_digits(text)) return false;
  const auto port = parse_count(text);
  return port && *port >= 1 && *port <= 65535;
}

bool is_scheme(std::string_view text) {
  return std::ranges::find(kSchemes, text) != kSchemes.end();
}

Parsed<Url> on_localhost(std::string_view port) {
  if (!is_port(port)) return pointed_out(port, port, "a port is a number from 1 to 65535");
  // Converts the port to a number, because a port in a URL may not have leading zeros.
  return Url::parse("http://localhost:" + std::to_string(*parse_count(port))).value();
}

// Adds the scheme to HOST:PORT, HOST:PORT/PATH and :PORT; the host of the last is localhost.
// Returns std::nullopt for any other text.
std::optional<std::string> with_scheme(std::string_view text) {
  const std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  const auto colon = authority.rfind(':');
  if (colon == std::string_view::npos || !is_digits(authority.substr(colon + 1))) {
    return std::nullopt;
  }
  std::string_view host = authority.substr(0, colon);
  host.remove_prefix(host.rfind('@') + 1);  // npos + 1 is 0
  if (host.empty()) return "http://localhost" + std::string(text);
  // "http:8000" is a scheme without its slashes, and "::1" an address without its brackets.
  const bool has_brackets = host.front() == '[' && host.back() == ']';
  if (is_scheme(lower(host))) return std::nullopt;
  if (!has_brackets && host.find(':') != std::string_view::npos) return std::nullopt;
  return "http://" + std::string(text);
}

// Returns where the address ends in a text such as "::1:8000". The digits after the last colon are
// a port if the text before the colon is an address.
std::size_t end_of_address(std::string_view authority) {
  const auto colon = authority.rfind(':');
  const std::string_view last = authority.substr(colon + 1);
  const bool has_port = last.size() > 1 && is_port(last) &&
                        net::Address::from_ip(authority.substr(0, colon), 0).has_value();
  return has_port ? colon : authority.size();
}

std::string without_brackets(std::string_view text, std::string_view authority) {
  if (authority.starts_with('[')) {
    return pointed_out(text, authority, "the ] after the IPv6 address is missing").error();
  }
  std::string meant(text);
  const auto begin = static_cast<std::size_t>(authority.data() - text.data());
  meant.insert(begin + end_of_address(authority), "]").insert(begin, "[");
  if (begin == 0) meant.insert(0, "http://");
  return pointed_out(text, authority, "an IPv6 address needs brackets" + did_you_mean(meant))
      .error();
}

std::unexpected<std::string> without_scheme(std::string_view text) {
  if (text.empty()) return refused("the BACKEND is empty");
  const std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  const bool is_address =
      authority.find_first_not_of("0123456789abcdefABCDEF:") == std::string_view::npos &&
      std::ranges::count(authority, ':') > 1;
  if (is_address) return refused(without_brackets(text, authority));
  const auto colon = text.find(':');
  if (colon == 0) return pointed_out(text, text.substr(1), "a port is a number from 1 to 65535");
  const std::string first = lower(text.substr(0, colon));
  if (colon != std::string_view::npos && is_scheme(first)) {
    const auto rest = text.find_first_not_of(":/", colon);
    const std::string host(rest == std::string_view::npos ? "HOST" : text.substr(rest));
    return pointed_out(
        text, text.substr(colon, 1),
        in_quotes(first) + " needs :// after it" + did_you_mean(first + "://" + host));
  }
  if (text.find_first_of(".:/") == std::string_view::npos) {
    std::vector<std::string_view> words;
    std::ranges::transform(commands(), std::back_inserter(words), &CommandRow::word);
    if (const auto command = nearest(text, words)) {
      return pointed_out(text, text,
                         "this is not a URL" + did_you_mean("onehop " + std::string(*command)));
    }
  }
  if (colon < authority.size() && !authority.ends_with(']')) {
    const std::string_view port = text.substr(colon + 1);
    return pointed_out(text, port.substr(0, port.find_first_of("/?#")),
                       "a port is a number from 1 to 65535");
  }
  return pointed_out(text, text.substr(0, 1),
                     "the backend has no scheme" + did_you_mean("http://" + std::string(text)));
}

std::unexpected<std::string> unusable_scheme(std::string_view text, std::string_view scheme) {
  const std::string rest(text.substr(scheme.size()));
  const auto foreign = std::ranges::find(kForeignSchemes, lower(scheme), &ForeignScheme::name);
  if (foreign != kForeignSchemes.end()) {
    return pointed_out(text, scheme,
                       std::string(foreign->why) + did_you_mean(std::string(foreign->ours) + rest));
  }
  const std::string meant(nearest(lower(scheme), kSchemes).value_or("http"));
  return pointed_out(text, scheme,
                     in_quotes(scheme) + " is not a supported scheme" + did_you_mean(meant + rest));
}

// Returns "" if the authority is valid.
std::string check_authority(std::string_view text, std::string_view authority) {
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    return pointed_out(
               text, authority.substr(0, at),
               "credentials in the URL are never sent; use --header-up 'Authorization: ...'")
        .error();
  }
  std::string_view host = authority;
  std::string_view port;
  const auto bracket = authority.rfind(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const bool has_port = colon != std::string_view::npos;
  if (has_port) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  const bool is_address = authority.starts_with('[') || is_hexadecimal(host);
  if (bracket == std::string_view::npos && port.find(':') != std::string_view::npos && is_address) {
    return without_brackets(text, authority);
  }
  if (host.empty()) {
    const std::string_view gap =
        text.substr(static_cast<std::size_t>(host.data() - text.data()), 0);
    return pointed_out(text, gap, "the host is missing").error();
  }
  if (const auto zone = host.find('%'); bracket != std::string_view::npos && zone != host.npos) {
    return pointed_out(
               text, host.substr(zone, host.find(']') - zone),
               "an IPv6 address with a zone is not supported, so a link-local address cannot be "
               "reached")
        .error();
  }
  if (has_port && !is_port(port)) {
    return pointed_out(text, port, "a port is a number from 1 to 65535").error();
  }
  return {};
}

}  // namespace

Parsed<Url> parse_backend_url(std::string_view text) {
  if (is_digits(text)) return on_localhost(text);
  const auto blank = std::ranges::find_if(text, [](char c) { return c >= 0 && c <= ' '; });
  if (blank != text.end()) {
    const auto column = static_cast<std::size_t>(blank - text.begin());
    return pointed_out(text, text.substr(column, 1), "a URL has no blanks; write them as %20");
  }
  if (!text.starts_with("unix:")) {
    const auto separator = text.find("://");
    if (separator == std::string_view::npos) {
      const auto whole = with_scheme(text);
      if (!whole) return without_scheme(text);
      return parse_backend_url(*whole);
    }
    const std::string_view scheme = text.substr(0, separator);
    if (!is_scheme(lower(scheme))) return unusable_scheme(text, scheme);
    const std::string_view rest = text.substr(separator + 3);
    const std::string problem = check_authority(text, rest.substr(0, rest.find_first_of("/?#")));
    if (!problem.empty()) return refused(problem);
  }
  auto url = Url::parse(text);
  if (!url) return refused(std::string(url.error().detail()) + "\n    " + std::string(text));
  return *url;
}

}  // namespace onehop::config
