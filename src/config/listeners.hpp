// SPDX-License-Identifier: Apache-2.0
//
// The forms of --listen beyond the library's addresses: "redirect://:80" listens without TLS and
// redirects every request to the https listener; "fd:NAME" is a socket that systemd passes to the
// process.
// Thread: owner.
#pragma once

#include "config/contradiction.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct Configuration;

bool is_redirect(std::string_view listener);

// Returns the library's address: "http://:80" for "redirect://:80".
std::string address_of_listener(std::string_view listener);

// Returns the name of the sockets that the service manager has opened (FileDescriptorName=): "web"
// for "fd:web", "https://fd:web" and so on. Returns std::nullopt for an address.
std::optional<std::string_view> inherited_name(std::string_view listener);

// Reports whether the listener uses TLS. Without a scheme, it does if `has_tls`, that is, if there
// is a certificate.
bool is_https(std::string_view listener, bool has_tls);

// Fills in the default listeners and checks all listeners together. Returns how they contradict
// each other or the TLS settings.
Contradictions apply_listeners(Configuration& configuration, bool listen_was_given);

}  // namespace onehop::config
