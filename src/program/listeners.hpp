// SPDX-License-Identifier: Apache-2.0
//
// What --listen takes beyond the addresses of the library: "redirect://:80" listens without TLS and
// sends every request to the https listener. Pure; main thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

struct Configuration;

bool is_redirect(std::string_view listener);

// What the library is given: "http://:80" for "redirect://:80".
std::string address_of_listener(std::string_view listener);

// Whether it is with TLS. `has_tls`: there is a certificate, and so a listener that does not say
// whether it is with TLS is.
bool is_https(std::string_view listener, bool has_tls);

// Fills in where to listen if the user has not said it, and whether each listener is with TLS,
// and looks at all of them together. Empty if they go together.
std::string apply_listeners(Configuration& configuration, bool listen_was_given);

}  // namespace onehop::program
