// SPDX-License-Identifier: Apache-2.0
//
// What is the same for a request of every version of HTTP: its record, the rules a server checks
// before a handler sees it, and the answer where the handler has none. One thread.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/server.hpp>

#include "http/message_framing.hpp"
#include "http/trusted_peers.hpp"

#include <string>

namespace onehop::server {

// A record in the memory of the exchange.
ExchangeRecord* open_record(Arena& arena, const ConnectionInfo& connection, Time began);
// Sets X-Request-ID as Server::Options::request_ids wants it.
void give_request_id(Headers& headers, bool keep);
// Notes in the record whom a request with these fields comes from.
void note_client(ExchangeRecord& record,
                 const ConnectionInfo& connection,
                 const Headers& headers,
                 const TrustedPeers& trusted,
                 Arena& arena);
// The facts for a request, in memory that lives as long as it: it may outlive its connection.
ConnectionInfo facts_of(Arena& arena,
                        const ConnectionInfo& connection,
                        const ExchangeRecord& record);
// What the log says of the request; the views live as long as the exchange's memory.
void note_request(ExchangeRecord& record,
                  const Method& method,
                  std::string_view target,
                  const Headers& headers);
void note_failure(ExchangeRecord& record, const Error& error);

// RFC 9110 §10.1.1: whether the client waits for a 100 before it sends the content. Errors:
// expectation_failed, bad_request, body_too_large.
Result<bool> check_request(const Request& request,
                           Version version,
                           const BodyFraming& framing,
                           const Server::Options& options);

// For an exception out of a handler, and what amounts to one: noted, and answered with a 500.
Response answer_to_exception(ExchangeRecord& record, std::string what);
// Makes a 500, as for an exception, of a response that no server may send as the final one: a 1xx,
// a 101 without a tunnel included.
void check_is_final(ExchangeRecord& record, Response& response);
// For a well-formed request that is not given to the handler; `headers` are its own.
Response answer_to_refusal(const Headers& headers, const Error& error);

}  // namespace onehop::server
