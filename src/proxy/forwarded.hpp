// SPDX-License-Identifier: Apache-2.0
//
// Removes and sets forwarding fields (http/forwarding_fields), which describe the client to the
// next server. A client can claim anything in them, so received ones count only if the peer is
// trusted. AllowedFields is constant after construction.
// Thread: owner.
#pragma once

#include <onehop/headers.hpp>
#include <onehop/request.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop {

// AllowedFields are the forwarding fields that the proxy passes on from every client.
class AllowedFields {
 public:
  AllowedFields() = default;
  // Throws std::invalid_argument, with the reason, if why_not_allowed() rejects a name.
  explicit AllowedFields(const std::vector<std::string>& names);
  // Reports whether `name` is one of them, ignoring case. X_Real_IP is not X-Real-IP.
  bool include(std::string_view name) const noexcept;

 private:
  std::vector<std::string> names_;
};
// Returns why AllowedFields rejects `name`, or std::nullopt if `name` is a forwarding field that
// this proxy does not set itself.
std::optional<std::string> why_not_allowed(std::string_view name);

// Removes the claims of an untrusted client: every forwarding field, and every lookalike.
void remove_claims(Headers& headers, const AllowedFields& allowed);
// Removes the fields that even a trusted peer passes on by mistake: lookalikes, and Proxy.
void remove_false_claims(Headers& headers, const AllowedFields& allowed);

// Sets the proxy's own fields from the connection and the Host field of `in` alone. X-Forwarded-For
// is left out if the peer has no address (a unix socket), X-Forwarded-Host if there is no Host.
void set_forwarded(const Request& in, Headers& out);
// Like set_forwarded(), for use after remove_claims(), when there are no fields to replace.
void add_forwarded(const Request& in, Headers& out);
// Like set_forwarded(), for a trusted peer: appends the peer to its X-Forwarded-For, keeps its
// X-Forwarded-Host, and keeps the first member of its X-Forwarded-Proto, which is the scheme that
// the client used (upstreams compare it with "https"). Sets the fields that the peer did not send.
void append_forwarded(const Request& in, Headers& out);
// ClientPlace is the scheme ("http" or "https") and the host that the client used: as a trusted
// peer reports them, else as received. The host is "" if there is none.
struct ClientPlace {
  std::string scheme;
  std::string host;
};
ClientPlace client_place(const Request& in, bool peer_is_trusted);
// Adds a Forwarded line with for, host and proto, after the Forwarded lines in `out`.
void add_forwarded_element(const Request& in, Headers& out);

}  // namespace onehop
