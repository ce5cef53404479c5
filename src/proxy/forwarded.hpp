// SPDX-License-Identifier: Apache-2.0
//
// The forwarding fields (http/forwarding_fields): what the next server is told about the client.
// A client can claim anything in them, so what it sent counts only when its peer is trusted.
// Thread: the one of the messages; AllowedFields is constant after construction.
#pragma once

#include <onehop/headers.hpp>
#include <onehop/request.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop {

// The forwarding fields that are passed on whoever sends them.
class AllowedFields {
 public:
  AllowedFields() = default;
  // Throws std::invalid_argument, with the name, for one that why_not_allowed().
  explicit AllowedFields(const std::vector<std::string>& names);
  // Case does not count, but the bytes between the words do: X_Real_IP is not X-Real-IP.
  bool include(std::string_view name) const noexcept;

 private:
  std::vector<std::string> names_;
};
// What is wrong with a name for AllowedFields; std::nullopt if it is a forwarding field that this
// proxy does not set itself.
std::optional<std::string> why_not_allowed(std::string_view name);

// Removes what an untrusted client says about itself: every forwarding field, and every lookalike.
void remove_claims(Headers& headers, const AllowedFields& allowed);
// Removes what a trusted peer passes on by mistake, since no proxy sets it: lookalikes, and Proxy.
void remove_false_claims(Headers& headers, const AllowedFields& allowed);

// What the proxy knows from `in`, and nothing else. No For without an address of the peer (a unix
// socket), no Host without a Host field.
void set_forwarded(const Request& in, Headers& out);
// The same where remove_claims() was called before: there is nothing to replace.
void add_forwarded(const Request& in, Headers& out);
// The same for a peer that is trusted: its For is a list, and gets the peer as one more member; its
// Host is kept as it is, and so is the scheme the client used, the first member of its Proto
// (upstreams compare it with "https"). What it did not say is what the proxy knows.
void append_forwarded(const Request& in, Headers& out);
// Adds a Forwarded line with for, host and proto, behind those in `out`.
void add_forwarded_element(const Request& in, Headers& out);

}  // namespace onehop
