// SPDX-License-Identifier: Apache-2.0
#include "config/listeners.hpp"

#include "config/configuration.hpp"
#include "net/address.hpp"
#include "net/listen_overlap.hpp"

#include <algorithm>

namespace onehop::config {
namespace {

constexpr std::string_view kRedirect = "redirect://";
constexpr std::string_view kHttps = "https://";
constexpr std::string_view kHttp = "http://";

bool any_with_tls(const std::vector<std::string>& listeners, bool has_tls) {
  return std::ranges::any_of(
      listeners, [has_tls](const std::string& listener) { return is_https(listener, has_tls); });
}

// Checks that there is a certificate if a listener needs one, and that a listener uses it.
Contradictions check_tls(const Configuration& configuration) {
  const std::vector<std::string>& listeners = configuration.listen;
  const bool has_tls = configuration.server.tls.has_value();
  for (const std::string& listener : listeners) {
    if (!has_tls && (is_redirect(listener) || is_https(listener, false))) {
      return {{"listen", "--listen " + listener +
                             " needs a certificate: --tls CERT --tls-key KEY, or --tls self"}};
    }
    if (is_redirect(listener) && !any_with_tls(listeners, has_tls)) {
      return {{"listen", "--listen " + listener +
                             " redirects to https, but no listener has it: add --listen "
                             "https://:443"}};
    }
  }
  const std::string& admin = configuration.admin.address;
  const bool admin_has_tls = !admin.empty() && net::listens_with_tls(admin, false);
  if (!has_tls || any_with_tls(listeners, has_tls) || admin_has_tls) return {};
  return {{"tls", "--tls is given, but no listener is https: " + listeners.front() +
                      " is without TLS; add --listen https://:443"}};
}

// Reports whether both name the same sockets, regardless of their schemes.
bool is_same(const std::string& listener, const std::string& other) {
  if (listener == other) return true;
  if (inherited_name(listener) || inherited_name(other)) return false;
  const auto address = net::Address::parse_listen(address_of_listener(listener));
  const auto other_address = net::Address::parse_listen(address_of_listener(other));
  return address && other_address && *address == *other_address;
}

// Checks that the listeners that --proxy-protocol-listen names exist.
Contradictions check_proxied(const Configuration& configuration) {
  constexpr const char* kName = "proxy-protocol-listen";
  const Server::Options& server = configuration.server;
  if (server.proxy_protocol_listeners.empty()) return {};
  if (server.proxy_protocol.empty()) {
    return {{kName, "--proxy-protocol-listen is for --proxy-protocol CIDR, which is not set"}};
  }
  for (const std::string& proxied : server.proxy_protocol_listeners) {
    const bool is_listener = std::ranges::any_of(
        configuration.listen, [&](const auto& listener) { return is_same(listener, proxied); });
    if (is_listener) continue;
    return {{kName, "--proxy-protocol-listen " + proxied +
                        " is not one of the listeners: " + "write it as in --listen"}};
  }
  return {};
}

}  // namespace

bool is_redirect(std::string_view listener) {
  return listener.starts_with(kRedirect);
}

std::string address_of_listener(std::string_view listener) {
  if (!is_redirect(listener)) return std::string(listener);
  return "http://" + std::string(listener.substr(kRedirect.size()));
}

std::optional<std::string_view> inherited_name(std::string_view listener) {
  constexpr std::string_view kInherited = "fd:";
  for (const std::string_view scheme : {kRedirect, kHttps, kHttp}) {
    if (!listener.starts_with(scheme)) continue;
    listener.remove_prefix(scheme.size());
    break;
  }
  if (!listener.starts_with(kInherited)) return std::nullopt;
  return listener.substr(kInherited.size());
}

bool is_https(std::string_view listener, bool has_tls) {
  return !is_redirect(listener) && net::listens_with_tls(listener, has_tls);
}

Contradictions apply_listeners(Configuration& configuration, bool listen_was_given) {
  const bool has_tls = configuration.server.tls.has_value();
  if (has_tls && !listen_was_given && configuration.command != Command::demo) {
    configuration.listen = {"https://:443", "redirect://:80"};
  }
  if (configuration.listen.empty()) {
    return {{"listen", "--listen: the list is empty, so no client could connect"}};
  }
  if (Contradictions found = check_tls(configuration); !found.empty()) return found;
  std::vector<net::ListenerName> names;
  for (const std::string& listener : configuration.listen) {
    if (const auto address = net::Address::parse_listen(address_of_listener(listener))) {
      names.push_back({listener, *address});
    }
  }
  const std::string overlap = net::why_listeners_overlap(names);
  if (overlap.empty()) return check_proxied(configuration);
  return {{"listen", "--listen: " + overlap}};
}

}  // namespace onehop::config
