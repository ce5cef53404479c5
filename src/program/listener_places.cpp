// SPDX-License-Identifier: Apache-2.0
#include "program/listener_places.hpp"

#include "config/listeners.hpp"
#include "net/address.hpp"
#include "program/startup.hpp"

#include <algorithm>
#include <string_view>

namespace onehop::program {
namespace {

bool is_named(const InheritedSocket& socket, std::string_view name, std::string_view address) {
  return socket.name == name && socket.address == address;
}

std::string expected_address(const std::string& listener, const ListenerPlaces& before) {
  const auto wanted = net::Address::parse_listen(config::address_of_listener(listener));
  if (!wanted) return {};
  if (wanted->is_unix() || wanted->port() != 0) return wanted->to_string();
  const auto found = std::ranges::find(before, listener, &ListenerPlace::listener);
  return found == before.end() ? std::string() : found->address;
}

}  // namespace

ListenerPlaces places_of(const config::Configuration& configuration,
                         std::span<const InheritedSocket> inherited,
                         const std::vector<std::string>& addresses) {
  ListenerPlaces places;
  auto next = addresses.begin();
  for (const std::string& listener : configuration.listen) {
    const auto name = config::inherited_name(listener);
    const auto continues = [&] {
      return std::ranges::any_of(
          inherited, [&](const InheritedSocket& one) { return is_named(one, *name, *next); });
    };
    if (!name) {
      if (next == addresses.end()) break;
      places.push_back({listener, *next++});
    } else {
      while (next != addresses.end() && continues())
        places.push_back({listener, *next++});
    }
  }
  return places;
}

ListenerPlaces expected_places(const config::Configuration& configuration,
                               std::span<const InheritedSocket> inherited,
                               const ListenerPlaces& before) {
  ListenerPlaces places;
  for (const std::string& listener : configuration.listen) {
    const auto name = config::inherited_name(listener);
    if (!name) {
      places.push_back({listener, expected_address(listener, before)});
      continue;
    }
    for (const InheritedSocket& one : inherited) {
      const bool is_taken =
          std::ranges::find(places, one.address, &ListenerPlace::address) != places.end();
      if (one.name == *name && !is_taken) places.push_back({listener, one.address});
    }
  }
  return places;
}

Redirects redirects_of(const ListenerPlaces& places, bool has_tls) {
  Redirects redirects;
  for (const auto& [listener, text] : places) {
    if (config::is_redirect(listener)) {
      redirects.listeners.push_back(text);
    } else if (redirects.https_port == 0 && config::is_https(listener, has_tls)) {
      const auto address = net::Address::parse_listen(text);
      if (address) redirects.https_port = address->port();
    }
  }
  return redirects;
}

std::vector<std::string> urls_of(const ListenerPlaces& places, bool has_tls) {
  std::vector<std::string> urls;
  for (const auto& [listener, address] : places) {
    const bool is_secure = config::is_https(listener, has_tls);
    urls.push_back(url_to_open(is_secure ? "https" : "http", address));
    if (config::is_redirect(listener)) urls.back() += " (redirects to https)";
  }
  return urls;
}

}  // namespace onehop::program
