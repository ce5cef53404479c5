// SPDX-License-Identifier: Apache-2.0
//
// Forwarding fields (http/forwarding_fields) describe the client to the next server. A client can
// claim anything in them, so those it sent count only if the peer is trusted. Thread: owner of the
// messages; AllowedFields is constant after construction.
#pragma once

#include <onehop/headers.hpp>
#include <onehop/request.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop {

// The forwarding fields that are passed on from every client.
class AllowedFields {
 public:
  AllowedFields() = default;
  // Throws std::invalid_argument, with the name, for one that why_not_allowed() rejects.
  explicit AllowedFields(const std::vector<std::string>& names);
  // Compares without case; the bytes between the words count: X_Real_IP is not X-Real-IP.
  bool include(std::string_view name) const noexcept;

 private:
  std::vector<std::string> names_;
};
// Returns why AllowedFields rejects a name; std::nullopt if it is a forwarding field that this
// proxy does not set itself.
std::optional<std::string> why_not_allowed(std::string_view name);

// Removes the claims of an untrusted client: every forwarding field, and every lookalike.
void remove_claims(Headers& headers, const AllowedFields& allowed);
// Removes the fields that a trusted peer passes on by mistake: lookalikes, and Proxy.
void remove_false_claims(Headers& headers, const AllowedFields& allowed);

// Sets the fields from the connection and the Host field of `in` alone. X-Forwarded-For is left out
// if the peer has no address (a unix socket), X-Forwarded-Host if there is no Host field.
void set_forwarded(const Request& in, Headers& out);
// The same after remove_claims(), when there is nothing to replace.
void add_forwarded(const Request& in, Headers& out);
// The same for a trusted peer: its X-Forwarded-For is extended by the peer, its X-Forwarded-Host is
// kept, and so is the first member of its X-Forwarded-Proto, which is the scheme that the client
// used (upstreams compare it with "https"). The proxy sets those that the peer did not send.
void append_forwarded(const Request& in, Headers& out);
// The scheme, "http" or "https", and the host that the client has used: those that a trusted peer
// says, else those that were received. The host is "" if there is none.
struct ClientPlace {
  std::string scheme;
  std::string host;
};
ClientPlace client_place(const Request& in, bool peer_is_trusted);
// Adds a Forwarded line with for, host and proto, after those in `out`.
void add_forwarded_element(const Request& in, Headers& out);

}  // namespace onehop
