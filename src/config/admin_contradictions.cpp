// SPDX-License-Identifier: Apache-2.0
#include "config/admin_contradictions.hpp"

#include "config/admin_socket.hpp"
#include "config/configuration.hpp"
#include "config/listeners.hpp"
#include "config/tables.hpp"
#include "net/address.hpp"
#include "net/listen_overlap.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace onehop::config {
namespace {

bool is_loopback(const net::Address& address) {
  if (address.family() == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(address.data());
    return (ntohl(v4.sin_addr.s_addr) >> 24U) == IN_LOOPBACKNET;
  }
  const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(address.data());
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

bool is_every_address(const net::Address& address) {
  return address.ip() == "::" || address.ip() == "0.0.0.0";
}

// Reports whether connections to `backend` reach a listener at `admin` on this machine, judged by
// the text of the URL alone.
bool leads_to(const Url& backend, const net::Address& admin) {
  if (!backend.socket_path().empty() || backend.port() != admin.port()) return false;
  const std::string_view host = backend.host();
  const auto literal = net::Address::from_ip(host, backend.port());
  if (literal && literal->ip() == admin.ip()) return true;
  const bool is_local = host == "localhost" || (literal && is_loopback(*literal));
  return is_local && (is_loopback(admin) || is_every_address(admin));
}

// Compares addresses as well as files, since a socket file may have several names and need not
// exist yet.
bool is_same_socket(const std::string& one, const std::string& other) {
  const auto first = net::Address::from_socket_path(one);
  const auto second = net::Address::from_socket_path(other);
  if (!first || !second) return false;
  return net::is_same_listener(*first, *second) || is_same_file(one, other);
}

// Returns the listeners that have an address, with their names as given.
std::vector<net::ListenerName> listeners_of(const Configuration& configuration) {
  std::vector<net::ListenerName> names;
  for (const std::string& listener : configuration.listen) {
    if (auto address = net::Address::parse_listen(address_of_listener(listener)))
      names.push_back({listener, *address});
  }
  return names;
}

// Reports a listener for clients that overlaps with the admin listener.
Contradictions about_overlap(const Configuration& configuration,
                             std::string_view setting,
                             const net::ListenerName& admin) {
  for (const net::ListenerName& listener : listeners_of(configuration)) {
    const std::array pair = {listener, admin};
    const std::string why = net::why_listeners_overlap(pair);
    if (why.empty()) continue;
    return {{setting,
             "--" + std::string(setting) + " and --listen need addresses of their own: " + why}};
  }
  return {};
}

Contradictions about_socket(const Configuration& configuration) {
  const std::string path = admin_socket_of(configuration.admin);
  if (path.empty()) return {};
  for (const auto& [backend, table] : used_backends(configuration)) {
    const std::string socket(backend.socket_path());
    if (socket.empty() || !is_same_socket(socket, path)) continue;
    return {{.setting = "backend",
             .why = "the backend " + backend.to_string() +
                    " is this proxy's own --admin-socket, with which clients could stop it",
             .table = table}};
  }
  // onehop also starts if it cannot open the default socket.
  const auto address = net::Address::from_socket_path(path);
  if (!address || configuration.admin.socket == "auto") return {};
  return about_overlap(configuration, "admin-socket", {"unix:" + path, *address});
}

Contradictions about_address(const Configuration& configuration, const net::Address& address) {
  const AdminSettings& admin = configuration.admin;
  const bool with_tls = net::listens_with_tls(admin.address, false);
  if (!is_loopback(address) && admin.token_file.empty() && admin.client_ca.empty()) {
    return {{"admin", "--admin " + admin.address +
                          " can be reached by other machines: add --admin-token FILE or "
                          "--admin-client-ca FILE, or listen on 127.0.0.1"}};
  }
  if (with_tls && !configuration.server.tls) {
    return {{"admin", "--admin " + admin.address +
                          " needs a certificate: --tls CERT --tls-key KEY, or --tls self"}};
  }
  if (!with_tls && !admin.client_ca.empty()) {
    return {
        {"admin-client-ca", "--admin-client-ca needs TLS: write --admin https://" + admin.address}};
  }
  for (const Url& backend : backends_of(configuration)) {
    if (!leads_to(backend, address)) continue;
    return {{"admin", "the backend " + backend.to_string() + " is this proxy's own --admin " +
                          admin.address + ", which clients must not reach"}};
  }
  return about_overlap(configuration, "admin", {admin.address, address});
}

}  // namespace

void about_admin(const Configuration& configuration, Contradictions& found) {
  const AdminSettings& admin = configuration.admin;
  std::ranges::move(about_socket(configuration), std::back_inserter(found));
  if (std::string why = contradiction_in_buckets(admin.metrics_buckets); !why.empty()) {
    found.push_back({"metrics-buckets", std::move(why)});
  }
  if (admin.address.empty()) {
    for (const auto& [name, is_set] : {std::pair("admin-token", !admin.token_file.empty()),
                                       std::pair("admin-client-ca", !admin.client_ca.empty()),
                                       std::pair("admin-name", !admin.names.empty())}) {
      if (!is_set) continue;
      found.push_back({name, "--" + std::string(name) + " has no effect without --admin ADDR"});
    }
    return;
  }
  if (const auto address = net::Address::parse_listen(admin.address)) {
    std::ranges::move(about_address(configuration, *address), std::back_inserter(found));
  } else {
    found.push_back({"admin", "--admin: " + std::string(address.error().detail())});
  }
}

}  // namespace onehop::config
