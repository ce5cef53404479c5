// SPDX-License-Identifier: Apache-2.0
//
// Functions that record, complete and check a request before a handler sees it, the same for every
// version of HTTP.
// Thread: owner.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/request.hpp>
#include <onehop/server.hpp>

#include "base/arena.hpp"
#include "http/message_framing.hpp"
#include "http/trusted_peers.hpp"

namespace onehop::server {

// Returns a new record, in the memory of the exchange.
ExchangeRecord* open_record(Arena& arena, const ConnectionInfo& connection, Time began);
// Sets X-Request-ID as Server::Options::request_ids asks for. If `keep`, a value that the request
// already has stays.
void give_request_id(Headers& headers, bool keep);
// Records the client of a request with these fields, which came by way of a trusted peer.
void record_client(ExchangeRecord& record,
                   const Headers& headers,
                   const TrustedPeers& trusted,
                   Arena& arena);
// Records the parts of a request that a log needs, as views of the exchange's memory.
void record_request(ExchangeRecord& record,
                    const Method& method,
                    std::string_view target,
                    const Headers& headers);
// Returns the target for the server that an absolute target names: its path and query, or "*" for
// OPTIONS without either (RFC 9112 §3.2.4).
Url target_for_server(const Url& absolute, const Method& method);
// Returns the facts about the connection for a request, in memory that lives as long as the
// request, which may outlive the connection.
ConnectionInfo facts_of(Arena& arena,
                        const ConnectionInfo& connection,
                        const ExchangeRecord& record);

// Checks a request. Returns whether the client waits for a 100 before it sends the content (RFC
// 9110 §10.1.1). Errors: expectation_failed, bad_request, body_too_large.
Result<bool> check_request(const Request& request,
                           Version version,
                           const BodyFraming& framing,
                           const Server::Options& options);

}  // namespace onehop::server
