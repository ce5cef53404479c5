// SPDX-License-Identifier: Apache-2.0
//
// X-Forwarded-For, -Host and -Proto, and Forwarded (RFC 7239): what the next hop is told about the
// client. A client can claim anything in them, so what it sent counts only when its peer is
// trusted. Thread: the one of the messages.
#pragma once

#include <onehop/headers.hpp>
#include <onehop/request.hpp>

namespace onehop {

// Removes what the client said about itself: all four fields.
void remove_claims(Headers& headers);

// What the proxy knows from `in`, and nothing else. No For without an address of the peer (a unix
// socket), no Host without a Host field.
void set_forwarded(const Request& in, Headers& out);
// The same for a peer that is trusted: its For is a list, and gets the peer as one more member; its
// Host is kept as it is, and so is the scheme the client used, the first member of its Proto
// (upstreams compare it with "https"). What it did not say is what the proxy knows.
void append_forwarded(const Request& in, Headers& out);
// Adds a Forwarded line with for, host and proto, behind those in `out`.
void add_forwarded_element(const Request& in, Headers& out);

}  // namespace onehop
