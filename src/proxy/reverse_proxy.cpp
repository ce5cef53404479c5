// SPDX-License-Identifier: Apache-2.0

#include <onehop/reverse_proxy.hpp>

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/hop_by_hop.hpp"
#include "http/media_type.hpp"
#include "http/trusted_peers.hpp"
#include "proxy/default_transport.hpp"
#include "proxy/error_response.hpp"
#include "proxy/forwarded.hpp"
#include "proxy/hop_count.hpp"
#include "proxy/single_host.hpp"
#include "proxy/upgrade.hpp"

#include <optional>
#include <stdexcept>

namespace onehop {
namespace {

// An announcement of trailers means something only where the content ends with a last chunk.
TrailerField trailer_field_for(const Body& body) {
  return body.length() ? TrailerField::remove : TrailerField::keep;
}

// What concerns the client's connection goes; what is asked of the upstream's comes back.
void remove_hops_of_client(Request& out, std::string_view protocol) {
  Headers& headers = out.headers();
  const bool takes_trailers = headers.has_token(field::te, "trailers");
  remove_hop_by_hop(headers, trailer_field_for(out.body()));
  if (takes_trailers) headers.add(field::te, "trailers");
  if (!protocol.empty()) headers.add(field::upgrade, protocol);
}

// 101 needs its Upgrade field; everything else concerned the upstream's connection.
void remove_hops_of_upstream(Response& response) {
  Headers& headers = response.headers();
  const bool switches = response.status() == Status::switching_protocols;
  const std::string_view protocol =
      switches ? headers.get_or_empty(field::upgrade) : std::string_view{};
  remove_hop_by_hop(headers, trailer_field_for(response.body()));
  if (switches) headers.add(field::upgrade, protocol);
}

// Any status but 1xx is an answer; of these only the 101 that was asked for.
Result<void> check_is_answer(const Response& response, std::string_view protocol) {
  if (!response.status().is_informational()) return {};
  if (response.status() != Status::switching_protocols) {
    return failure(Errc::bad_response, Side::upstream, "a 1xx in place of the final response");
  }
  if (switches_to(protocol, response)) return {};
  return failure(Errc::unexpected_upgrade, Side::upstream,
                 protocol.empty() ? "a 101 that nobody asked for"
                                  : "a 101 that does not switch to " + std::string(protocol));
}

}  // namespace

// What is kept of a request whose hooks need no more: enough for an error response.
struct ReverseProxy::Asked {
  explicit Asked(const Request& request)
      : memory(request.headers().arena_or_none()),
        record(request.record()),
        accept(request.headers().get_or_empty(field::accept)),
        content_type(request.headers().get_or_empty(field::content_type)),
        request_id(request.headers().get_or_empty(field::x_request_id)) {}

  ArenaRef memory;  // of the views here, and of all taken from the request
  ExchangeRecord* record;
  std::string_view accept;
  std::string_view content_type;
  std::string_view request_id;
};

struct ReverseProxy::State {
  explicit State(Options given);

  // Whether a hook, or what a trusted peer claims, is about the request as received.
  bool needs_original(bool peer_is_trusted) const {
    return peer_is_trusted || single_target == nullptr || options.error_response;
  }
  // Says where the outbound request goes; the answer when a hook gave it instead.
  std::unique_ptr<Response> rewrite(const Request* in, Request& out, bool peer_is_trusted) const;
  // Makes the response to the client out of the upstream's.
  Result<void> finish(Response& response, std::string_view protocol) const;
  Response answer_to(const Error& error, const Asked& asked, const Request* in) const;

  Options options;
  TrustedPeers trusted;
  AllowedFields allowed;
  const Url* single_target = nullptr;  // inside options.rewrite, when that is a RewriteBelow
};

ReverseProxy::State::State(Options given)
    : options(std::move(given)), trusted(options.trust), allowed(options.allow_fields) {
  if (!options.rewrite) {
    throw std::invalid_argument("ReverseProxy: rewrite is missing; it says where requests go");
  }
  if (!options.transport) options.transport = make_default_transport();
  // A tunnel of HTTP/2 would hide requests from the proxy.
  std::erase_if(options.upgrades, [](const std::string& protocol) {
    return ascii::equals_ignoring_case(protocol, "h2c");
  });
  if (const auto* below = options.rewrite.target<RewriteBelow>()) {
    single_target = &below->target();
  }
}

std::unique_ptr<Response> ReverseProxy::State::rewrite(const Request* in,
                                                       Request& out,
                                                       bool peer_is_trusted) const {
  if (peer_is_trusted) {
    remove_false_claims(out.headers(), allowed);
    append_forwarded(*in, out.headers());
  } else {
    remove_claims(out.headers(), allowed);
    add_forwarded(out, out.headers());
  }
  if (single_target != nullptr) {
    out.set_url(out.url().resolved_below(*single_target));
    return nullptr;
  }
  ProxyRequest both(*in, out, peer_is_trusted);
  options.rewrite(both);
  return both.take_answer();
}

Result<void> ReverseProxy::State::finish(Response& response, std::string_view protocol) const {
  if (Result<void> is_answer = check_is_answer(response, protocol); !is_answer) return is_answer;
  remove_hops_of_upstream(response);
  if (options.modify_response) {
    if (Result<void> modified = options.modify_response(response); !modified) return modified;
    if (response.status() != Status::switching_protocols) response.set_tunnel(nullptr);
  }
  if (options.flush == FlushPolicy::immediate || !response.body().length() ||
      is_event_stream(response.headers().get_or_empty(field::content_type))) {
    response.set_flush_at_once(true);
  }
  return {};
}

Response ReverseProxy::State::answer_to(const Error& error,
                                        const Asked& asked,
                                        const Request* in) const {
  if (asked.record != nullptr && !asked.record->failure) asked.record->failure = error;
  if (options.error_response) return options.error_response(*in, error);
  return error_response_for(asked.accept, asked.content_type, asked.request_id, error);
}

ReverseProxy::ReverseProxy(Options options)
    : state_(std::make_unique<const State>(std::move(options))) {}
ReverseProxy::ReverseProxy(ReverseProxy&&) noexcept = default;
ReverseProxy& ReverseProxy::operator=(ReverseProxy&&) noexcept = default;
ReverseProxy::~ReverseProxy() = default;

task<Response> ReverseProxy::serve(Request request) const {
  const State& proxy = *state_;
  const Asked asked(request);
  const ConnectionInfo& connection = request.connection();
  const bool peer_is_trusted =
      connection.peer_is_trusted || proxy.trusted.includes(connection.peer);
  std::optional<Request> in;
  if (proxy.needs_original(peer_is_trusted)) in = request.clone_head();
  const Request* const original = in ? &*in : nullptr;

  if (const Result<void> counted = count_hop(request.headers()); !counted) {
    co_return proxy.answer_to(counted.error(), asked, original);
  }
  const std::string_view protocol = upgrade_to_ask_for(request, proxy.options.upgrades);
  if (asked.record && drops_upgrade(request, protocol)) asked.record->upgrade_dropped = true;
  remove_hops_of_client(request, protocol);
  const std::unique_ptr<Response> answer = proxy.rewrite(original, request, peer_is_trusted);
  if (answer != nullptr) co_return std::move(*answer);

  Result<Response> result = co_await proxy.options.transport->round_trip(std::move(request));
  if (result) {
    const Result<void> finished = proxy.finish(*result, protocol);
    if (finished) co_return std::move(*result);
    // Drops the response, and with it the upstream's connection.
    result = failure(finished.error());
  }
  co_return proxy.answer_to(result.error(), asked, original);
}

}  // namespace onehop
