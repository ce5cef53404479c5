// SPDX-License-Identifier: Apache-2.0
#include "program/listeners.hpp"

#include "net/address.hpp"
#include "net/listen_overlap.hpp"
#include "program/configuration.hpp"

#include <algorithm>

namespace onehop::program {
namespace {

constexpr std::string_view kRedirect = "redirect://";

bool any_with_tls(const std::vector<std::string>& listeners, bool has_tls) {
  return std::ranges::any_of(
      listeners, [has_tls](const std::string& listener) { return is_https(listener, has_tls); });
}

// Returns "" if each listener has what its scheme needs.
std::string check_tls(const std::vector<std::string>& listeners, bool has_tls) {
  for (const std::string& listener : listeners) {
    if (!has_tls && (is_redirect(listener) || is_https(listener, false))) {
      return "--listen " + listener +
             " needs a certificate: --tls CERT --tls-key KEY, or --tls self";
    }
    if (is_redirect(listener) && !any_with_tls(listeners, has_tls)) {
      return "--listen " + listener +
             " redirects to https, but no listener has it: add --listen https://:443";
    }
  }
  if (!has_tls || any_with_tls(listeners, has_tls)) return {};
  return "--tls is given, but no listener is https: " + listeners.front() +
         " is without TLS; add --listen https://:443";
}

}  // namespace

bool is_redirect(std::string_view listener) {
  return listener.starts_with(kRedirect);
}

std::string address_of_listener(std::string_view listener) {
  if (!is_redirect(listener)) return std::string(listener);
  return "http://" + std::string(listener.substr(kRedirect.size()));
}

bool is_https(std::string_view listener, bool has_tls) {
  return !is_redirect(listener) && net::listens_with_tls(listener, has_tls);
}

std::string apply_listeners(Configuration& configuration, bool listen_was_given) {
  const bool has_tls = configuration.server.tls.has_value();
  if (has_tls && !listen_was_given && configuration.command == Command::proxy) {
    configuration.listen = {"https://:443", "redirect://:80"};
  }
  if (std::string problem = check_tls(configuration.listen, has_tls); !problem.empty()) {
    return problem;
  }
  std::vector<net::ListenerName> names;
  for (const std::string& listener : configuration.listen) {
    if (const auto address = net::Address::parse_listen(address_of_listener(listener))) {
      names.push_back({listener, *address});
    }
  }
  const std::string overlap = net::why_listeners_overlap(names);
  return overlap.empty() ? overlap : "--listen: " + overlap;
}

}  // namespace onehop::program
