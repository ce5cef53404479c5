// SPDX-License-Identifier: Apache-2.0
//
// Maps the listeners of a configuration to their addresses: the actual port of port 0 is known once
// it is open, and "fd:NAME" stands for every socket to which the service manager gave that name.
// Thread: owner.
#pragma once

#include "config/configuration.hpp"
#include "program/https_redirect.hpp"
#include "program/systemd_environment.hpp"

#include <span>
#include <string>
#include <vector>

namespace onehop::program {

struct ListenerPlace {
  std::string listener;  // as configured
  std::string address;   // "127.0.0.1:8080", "unix:/run/app.sock"; "" until it is known

  friend bool operator==(const ListenerPlace&, const ListenerPlace&) = default;
};

using ListenerPlaces = std::vector<ListenerPlace>;

// Returns each address of a running server with its listener. `addresses` must be in the order of
// Server::addresses().
ListenerPlaces places_of(const config::Configuration& configuration,
                         std::span<const InheritedSocket> inherited,
                         const std::vector<std::string>& addresses);
// Returns the addresses that a server will have once it listens by this configuration. `before` has
// the addresses that it has, whose ports it keeps.
ListenerPlaces expected_places(const config::Configuration& configuration,
                               std::span<const InheritedSocket> inherited,
                               const ListenerPlaces& before);

// Returns the redirects for HttpsRedirect; empty without a redirect:// listener.
Redirects redirects_of(const ListenerPlaces& places, bool has_tls);

// Returns the addresses as URLs to open on this machine, such as "https://localhost:443".
std::vector<std::string> urls_of(const ListenerPlaces& places, bool has_tls);

}  // namespace onehop::program
