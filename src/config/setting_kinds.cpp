// SPDX-License-Identifier: Apache-2.0
#include "config/setting_kinds.hpp"

#include "base/ascii.hpp"
#include "config/credential.hpp"
#include "config/listeners.hpp"
#include "config/pointed_out.hpp"
#include "config/suggestion.hpp"
#include "config/word_choice.hpp"
#include "http/ip_network.hpp"
#include "net/address.hpp"
#include "net/name_servers.hpp"
#include "proxy/forwarded.hpp"

#include <algorithm>
#include <array>

namespace onehop::config {
namespace {

constexpr std::array<std::string_view, 4> kYes = {"1", "true", "yes", "on"};
constexpr std::array<std::string_view, 4> kNo = {"0", "false", "no", "off"};
// In the order of the enumerators.
constexpr std::array<std::string_view, 3> kLogFormats = {"off", "text", "json"};
constexpr std::array<std::string_view, 3> kClientAuth = {"none", "optional", "required"};
constexpr std::array<std::string_view, 2> kAutoOrOff = {"off", "auto"};
constexpr std::array<std::string_view, 2> kHalfClose = {"cancel", "serve"};
constexpr std::array<std::string_view, 2> kHostWords = {"keep", "backend"};

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<signed char>(c) >= 0; });
}

// Parses a host with an optional port, in the form of a Host field (RFC 9110 §7.2).
Parsed<std::string> parse_host(std::string_view text) {
  const auto blank = std::ranges::find_if(text, [](char c) { return c >= 0 && c <= ' '; });
  if (blank != text.end()) {
    const auto at = static_cast<std::size_t>(blank - text.begin());
    return pointed_out(text, text.substr(at, 1), "a host name has no blanks");
  }
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
    std::string_view host = text.substr(scheme + 3);
    host = host.substr(0, host.find('/'));
    return pointed_out(text, text.substr(0, scheme + 3),
                       "a Host has no scheme" + did_you_mean(host));
  }
  if (const auto odd = text.find_first_of("/?#@,"); odd != std::string_view::npos) {
    return pointed_out(text, text.substr(odd, 1), "a Host is NAME or NAME:PORT");
  }
  if (const auto empty = text.starts_with('.') ? 0 : text.find(".."); empty != text.npos) {
    return pointed_out(text, text.substr(empty, 2), "a part of the host name is empty");
  }
  const auto url = Url::parse("http://" + std::string(text));
  if (!url)
    return refused(in_quotes(text) + " is not a host name: " + std::string(url.error().detail()));
  return is_ascii(text) ? std::string(text) : std::string(url->authority());
}

}  // namespace

Parsed<bool> Switch::parse(std::string_view text) {
  if (std::ranges::find(kYes, text) != kYes.end()) return true;
  if (std::ranges::find(kNo, text) != kNo.end()) return false;
  return refused(in_quotes(text) + " is neither on nor off");
}

Parsed<bool> AutoOrOff::parse(std::string_view text) {
  return one_of<bool>(text, kPlaceholder, kAutoOrOff);
}

Parsed<observe::AccessLogFormat> LogFormat::parse(std::string_view text) {
  return one_of<observe::AccessLogFormat>(text, kPlaceholder, kLogFormats);
}

std::string LogFormat::show(observe::AccessLogFormat format) {
  return std::string(kLogFormats[static_cast<std::size_t>(format)]);
}

Parsed<HalfClose> HalfCloseChoice::parse(std::string_view text) {
  return one_of<HalfClose>(text, kPlaceholder, kHalfClose);
}

std::string HalfCloseChoice::show(HalfClose value) {
  return std::string(kHalfClose[static_cast<std::size_t>(value)]);
}

Parsed<ClientAuth> ClientAuthentication::parse(std::string_view text) {
  return one_of<ClientAuth>(text, kPlaceholder, kClientAuth);
}

std::string ClientAuthentication::write(const std::optional<ClientAuth>& value) {
  return value ? std::string(kClientAuth[static_cast<std::size_t>(*value)]) : "";
}

Parsed<std::string> HostHeader::parse(std::string_view text) {
  if (std::ranges::find(kHostWords, text) != kHostWords.end()) return std::string(text);
  const bool is_plain_word = text.find_first_of(".:[") == std::string_view::npos;
  if (const auto meant = is_plain_word ? nearest(text, kHostWords) : std::nullopt) {
    return refused(in_quotes(text) + " looks like a misspelling" + did_you_mean(*meant) +
                   " If it is a name: --header-up 'Host: " + std::string(text) + "'");
  }
  return parse_host(text);
}

Parsed<std::string> HostName::parse(std::string_view text) {
  return parse_host(text);
}

Parsed<std::string> ServerName::parse(std::string_view text) {
  auto host = parse_host(text);
  if (!host) return host;
  const bool is_address = net::Address::from_ip(*host, 0).has_value();
  const auto colon = is_address ? std::string::npos : host->find(':');
  if (colon == std::string::npos) return host;
  return pointed_out(text, text.substr(text.find(':')),
                     "a name in a certificate has no port" + did_you_mean(host->substr(0, colon)));
}

// Checks a Host like --host-header, unless placeholders make it depend on the request.
Parsed<FieldEdit> FieldChange::parse(std::string_view text) {
  auto edit = parse_field_edit(text);
  if (!edit || edit->removes || edit->value.has_placeholders() ||
      !ascii::equals_ignoring_case(edit->name, "Host")) {
    return edit;
  }
  if (const auto host = parse_host(edit->value.text()); !host) return refused(host.error());
  return edit;
}

Parsed<std::string> ListenAddress::parse(std::string_view text) {
  if (const auto name = inherited_name(text)) {
    if (!name->empty()) return std::string(text);
    return pointed_out(text, text, "the name of the socket is missing: fd:NAME");
  }
  const auto address = net::Address::parse_listen(address_of_listener(text));
  if (!address) return refused(std::string(address.error().detail()));
  return std::string(text);
}

Parsed<std::string> File::parse(std::string_view text) {
  return path_of_file(text);
}

Parsed<std::string> Network::parse(std::string_view text) {
  if (text == "unix") return std::string(text);
  const std::string why = IpNetwork::why_none(text);
  if (!why.empty()) return refused(why);
  return std::string(text);
}

Parsed<std::string> NameServer::parse(std::string_view text) {
  if (const auto server = net::parse_name_server(text); !server) {
    return refused(std::string(server.error().detail()));
  }
  return std::string(text);
}

Parsed<std::string> ForwardingFieldName::parse(std::string_view text) {
  if (const auto problem = why_not_allowed(text)) return refused(*problem);
  return std::string(text);
}

Parsed<std::string> UpgradeToken::parse(std::string_view text) {
  // A name and an optional version after a slash (RFC 9110 §7.8): two tokens.
  const std::size_t slash = text.find('/');
  const bool has_version = slash != std::string_view::npos;
  if (!ascii::is_token(text.substr(0, slash)) ||
      (has_version && !ascii::is_token(text.substr(slash + 1)))) {
    return refused(in_quotes(text) + " is not a protocol name");
  }
  if (ascii::equals_ignoring_case(text, "h2c")) {
    return refused("h2c is never forwarded, because it would hide the requests inside it");
  }
  return std::string(text);
}

}  // namespace onehop::config
