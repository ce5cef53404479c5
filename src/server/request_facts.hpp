// SPDX-License-Identifier: Apache-2.0
//
// Functions that record, complete and check a request before a handler sees it. The same for every
// version of HTTP. Thread: owner.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/request.hpp>
#include <onehop/server.hpp>

#include "base/arena.hpp"
#include "http/message_framing.hpp"
#include "http/trusted_peers.hpp"

namespace onehop::server {

// Makes a record in the memory of the exchange.
ExchangeRecord* open_record(Arena& arena, const ConnectionInfo& connection, Time began);
// Sets X-Request-ID as Server::Options::request_ids wants it. `keep`: a value that came stays.
void give_request_id(Headers& headers, bool keep);
// Records the client that a request with these fields comes from, by way of a trusted peer.
void record_client(ExchangeRecord& record,
                   const Headers& headers,
                   const TrustedPeers& trusted,
                   Arena& arena);
// Records what a log needs of the request. The views live as long as the exchange's memory.
void record_request(ExchangeRecord& record,
                    const Method& method,
                    std::string_view target,
                    const Headers& headers);
// Returns the facts for a request, in memory that lives as long as the request, which may outlive
// its connection.
ConnectionInfo facts_of(Arena& arena,
                        const ConnectionInfo& connection,
                        const ExchangeRecord& record);

// Returns whether the client waits for a 100 before it sends the content (RFC 9110 §10.1.1).
// Errors: expectation_failed, bad_request, body_too_large.
Result<bool> check_request(const Request& request,
                           Version version,
                           const BodyFraming& framing,
                           const Server::Options& options);

}  // namespace onehop::server
