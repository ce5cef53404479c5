// SPDX-License-Identifier: Apache-2.0
//
// The listeners of a configuration and the addresses that they have: port 0 is known once it is
// open, and "fd:NAME" is as many sockets as the service manager gave that name.
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
  std::string address;   // "127.0.0.1:8080", "unix:/run/app.sock"; "": unknown until it is open

  friend bool operator==(const ListenerPlace&, const ListenerPlace&) = default;
};

using ListenerPlaces = std::vector<ListenerPlace>;

// Which listener each address of a running server belongs to. `addresses` are in the order of
// Server::addresses().
ListenerPlaces places_of(const config::Configuration& configuration,
                         std::span<const InheritedSocket> inherited,
                         const std::vector<std::string>& addresses);
// The addresses that a server will have once it listens by this configuration. `before`: those that
// it has, whose ports stay.
ListenerPlaces expected_places(const config::Configuration& configuration,
                               std::span<const InheritedSocket> inherited,
                               const ListenerPlaces& before);

// For HttpsRedirect; empty without a redirect:// listener.
Redirects redirects_of(const ListenerPlaces& places, bool has_tls);

// The addresses as URLs that can be opened on this machine: "https://localhost:443".
std::vector<std::string> urls_of(const ListenerPlaces& places, bool has_tls);

}  // namespace onehop::program
