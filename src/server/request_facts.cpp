// SPDX-License-Identifier: Apache-2.0
#include "server/request_facts.hpp"

#include <onehop/trace.hpp>

#include "base/arena.hpp"
#include "http/field_names.hpp"
#include "http/forwarded_client.hpp"
#include "http/forwarding_fields.hpp"
#include "http/header_lines.hpp"
#include "http/trace_context.hpp"
#include "server/request_id.hpp"

namespace onehop::server {
namespace {

const TlsInfo* copy_into(Arena& arena, const TlsInfo& info) {
  auto* const copy = arena.make<TlsInfo>(info);
  copy->protocol = arena.copy(info.protocol);
  copy->server_name = arena.copy(info.server_name);
  copy->client_subject = arena.copy(info.client_subject);
  return copy;
}

}  // namespace

ExchangeRecord* open_record(Arena& arena, const ConnectionInfo& connection, Time began) {
  auto* record = arena.make<ExchangeRecord>();
  record->values = Values(&arena);
  record->began = began;
  record->outcome = Outcome::aborted;  // until the whole response is out
  record->peer = connection.peer.empty() ? "unix" : connection.peer;
  record->client = record->peer;
  record->tls = connection.tls;
  record->tls_info = connection.tls_info;
  return record;
}

void record_client(ExchangeRecord& record,
                   const Headers& headers,
                   const TrustedPeers& trusted,
                   Arena& arena) {
  const std::optional<IpAddress> client = forwarded_client(headers, trusted);
  if (!client) return;
  char* const text = arena.allocate_text(IpAddress::kLongestText);
  record.client = {text, static_cast<std::size_t>(client->write(text) - text)};
}

Url target_for_server(const Url& absolute, const Method& method) {
  const bool is_bare = absolute.path().empty() && !absolute.has_query();
  if (!is_bare || method != Method::options) return absolute.without_authority();
  return Url::parse_target("*").value();
}

ConnectionInfo facts_of(Arena& arena,
                        const ConnectionInfo& connection,
                        const ExchangeRecord& record) {
  ConnectionInfo copy = connection;
  copy.peer = arena.copy(connection.peer);
  const bool is_peer = record.client.data() == record.peer.data();
  copy.client = is_peer ? copy.peer : record.client;
  copy.local = arena.copy(connection.local);
  if (connection.tls_info) copy.tls_info = copy_into(arena, *connection.tls_info);
  return copy;
}

void give_request_id(Headers& headers, bool keep) {
  // Removes other names that CGI would turn into HTTP_X_REQUEST_ID, so that the log and the backend
  // see the same value.
  bool has_one = false;
  HeaderWriter(headers).erase_if([&](const FieldLine& line) {
    if (line.id != FieldId::x_request_id) {
      return is_lookalike(line.field().name, name_of(FieldId::x_request_id));
    }
    if (!keep || has_one || line.value_size == 0) return true;
    has_one = true;
    return false;
  });
  if (has_one) return;
  const RequestId made;
  headers.set(field::x_request_id, made.text());
}

void record_request(ExchangeRecord& record,
                    const Method& method,
                    std::string_view target,
                    const Headers& headers) {
  record.method = method;
  record.target = target;
  record.host = headers.get_or_empty(field::host);
  record.user_agent = headers.get_or_empty(field::user_agent);
  record.referer = headers.get_or_empty(field::referer);
  record.request_id = headers.get_or_empty(field::x_request_id);
  record.trace_id = record.trace ? record.trace->trace_id : trace_id_of(headers);
  if (HeaderLines(headers).has(FieldId::upgrade))
    record.upgrade = headers.get_or_empty(field::upgrade);
}

Result<bool> check_request(const Request& request,
                           Version version,
                           const BodyFraming& framing,
                           const Server::Options& options) {
  if (request.url().is_asterisk() && request.method() != Method::options) {
    return failure(Errc::bad_request, Side::client, "the target * is for OPTIONS only");
  }
  bool expects_continue = false;
  const auto expectation = request.headers().get(field::expect);
  if (expectation && version != Version::http_1_0) {
    if (!request.headers().has_token(field::expect, "100-continue") ||
        expectation->find(',') != std::string_view::npos) {
      return failure(Errc::expectation_failed, Side::client);
    }
    expects_continue = framing.has_content();
  }
  if (framing.kind == BodyFraming::Kind::length && framing.length > options.max_body) {
    return failure(Errc::body_too_large, Side::client);
  }
  return expects_continue;
}

}  // namespace onehop::server
