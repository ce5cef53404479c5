// SPDX-License-Identifier: Apache-2.0
//
// The forms of --listen beyond the library's addresses: "redirect://:80" listens without TLS and
// redirects every request to the https listener.
// Thread: owner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

struct Configuration;

bool is_redirect(std::string_view listener);

// Returns the library's address: "http://:80" for "redirect://:80".
std::string address_of_listener(std::string_view listener);

// Reports whether the listener uses TLS. A listener without a scheme does if `has_tls`, that is, if
// there is a certificate.
bool is_https(std::string_view listener, bool has_tls);

// Fills in the default listener and the TLS of each listener, and checks all of them together.
// Returns "" if they are consistent.
std::string apply_listeners(Configuration& configuration, bool listen_was_given);

}  // namespace onehop::program
