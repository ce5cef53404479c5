// SPDX-License-Identifier: Apache-2.0

#include <onehop/reverse_proxy.hpp>

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "http/hop_by_hop.hpp"
#include "http/media_type.hpp"
#include "http/message_access.hpp"
#include "http/trusted_peers.hpp"
#include "proxy/default_transport.hpp"
#include "proxy/error_response.hpp"
#include "proxy/forwarded.hpp"
#include "proxy/hook_deadline.hpp"
#include "proxy/hop_count.hpp"
#include "proxy/map_back.hpp"
#include "proxy/single_host.hpp"
#include "proxy/upgrade.hpp"

#include <optional>
#include <stdexcept>

namespace onehop {

using detail::HookOutcome;

namespace {

// Content of known length has no trailers, so a Trailer field would be meaningless.
TrailerField trailer_field_for(const Body& body) {
  return body.length() ? TrailerField::remove : TrailerField::keep;
}

// Removes the fields of the client's connection, and adds those of the upstream's connection.
void remove_hops_of_client(Request& out, std::string_view protocol) {
  Headers& headers = out.headers();
  const bool takes_trailers = headers.has_token(field::te, "trailers");
  remove_hop_by_hop(headers, trailer_field_for(out.body()));
  if (takes_trailers) headers.add(field::te, "trailers");
  if (!protocol.empty()) headers.add(field::upgrade, protocol);
}

// Removes the fields of the upstream's connection. A 101 keeps its Upgrade field.
void remove_hops_of_upstream(Response& response) {
  Headers& headers = response.headers();
  const bool switches = response.status() == Status::switching_protocols;
  const std::string_view protocol =
      switches ? headers.get_or_empty(field::upgrade) : std::string_view{};
  remove_hop_by_hop(headers, trailer_field_for(response.body()));
  if (switches) headers.add(field::upgrade, protocol);
}

// Checks that a response is final: its status is not 1xx, or it is the 101 that was asked for.
Result<void> check_is_answer(const Response& response, std::string_view protocol) {
  if (!response.status().is_informational()) return {};
  if (response.status() != Status::switching_protocols) {
    return failure(Errc::bad_response, Side::upstream, "a 1xx in place of the final response");
  }
  if (switches_to(protocol, response)) return {};
  return failure(Errc::unexpected_upgrade, Side::upstream,
                 protocol.empty() ? "an unsolicited 101"
                                  : "a 101 that does not switch to " + std::string(protocol));
}

// Returns the response that the hook passed to ProxyRequest::answer().
HookOutcome answer_given(ProxyRequest& both) {
  const std::unique_ptr<Response> answer = both.take_answer();
  if (answer == nullptr) return HookOutcome();
  return HookOutcome(std::optional<Response>(std::move(*answer)));
}

// Undoes a change of Host. An Upstream may have sent another Host than `change` has; the record
// shows which. If the Host sent was the client's, nothing is undone: a redirect to another scheme
// must reach the client as it is.
void undo(HostChange change, const ExchangeRecord* record, Response& response) {
  if (record != nullptr && !record->upstream_origin.empty()) {
    const std::string_view origin = record->upstream_origin;
    change.is_tls = origin.starts_with("https:");
    change.sent = origin.substr(origin.find("//") + 2);
  }
  const bool is_change =
      !change.sent.empty() && !ascii::equals_ignoring_case(change.sent, change.host);
  if (is_change) map_back(response, change);
}

// Returns the error of a failed round trip. If the hook did not set a URL, the error says so.
Error explained(Error error, bool has_url) {
  if (has_url || !error.is(Errc::bad_url)) return error;
  return Error(Errc::handler_failed, Side::local,
               "rewrite set no URL: call set_url() with the URL of the upstream");
}

}  // namespace

// The parts of a request that an error response needs, for proxies whose hooks do not need the
// whole request.
struct ReverseProxy::Asked {
  explicit Asked(const Request& request)
      : memory(HeaderLines(request.headers()).arena_or_none()),
        record(request.record()),
        accept(request.headers().get_or_empty(field::accept)),
        content_type(request.headers().get_or_empty(field::content_type)),
        request_id(request.headers().get_or_empty(field::x_request_id)) {}

  ArenaRef memory;  // keeps the views here valid, and all others into the request
  ExchangeRecord* record;
  std::string_view accept;
  std::string_view content_type;
  std::string_view request_id;
};

struct ReverseProxy::State {
  explicit State(Options given);

  // Reports whether a hook or the claims of a trusted peer require the request as received.
  bool needs_original(bool peer_is_trusted) const {
    return peer_is_trusted || single_target == nullptr || options.error_response ||
           options.modify_response.sees_requests() || options.map_back_host;
  }
  // Sets the forwarding fields of the outbound request.
  void forward(const Request* in, Request& out, bool peer_is_trusted) const;
  // Set the URL of the outbound request, and return a response if the hook made one.
  HookOutcome rewrite(const Request* in, Request& out, bool peer_is_trusted) const;
  task<HookOutcome> rewrite_later(const Request& in, Request& out, bool peer_is_trusted) const;
  // Turn the upstream's response into the client's. The modify_response hook runs between the two.
  Result<void> begin_finish(Response& response, std::string_view protocol) const;
  void end_finish(Response& response) const;
  Result<void> modify(ProxyResponse both) const;
  task<Result<void>> modify_later(ProxyResponse both, Time deadline) const;
  // Returns the change of Host to undo in the response to a request that is about to be sent, or
  // null if there is none.
  std::unique_ptr<const HostChange> host_change(const Request* in,
                                                const Request& out,
                                                bool peer_is_trusted) const;
  Response answer_to(const Error& error, const Asked& asked, const Request* in) const;

  Options options;
  TrustedPeers trusted;
  AllowedFields allowed;
  const Url* single_target = nullptr;  // inside options.rewrite, if that is a RewriteBelow
};

ReverseProxy::State::State(Options given)
    : options(std::move(given)), trusted(options.trust), allowed(options.allow_fields) {
  if (!options.rewrite) {
    throw std::invalid_argument("ReverseProxy: rewrite is missing; it says where requests go");
  }
  if (!options.transport) options.transport = make_default_transport();
  // A tunnel that carries HTTP/2 would hide requests from the proxy.
  std::erase_if(options.upgrades, [](const std::string& protocol) {
    return ascii::equals_ignoring_case(protocol, "h2c");
  });
  if (const auto* below = options.rewrite.target<RewriteBelow>()) {
    single_target = &below->target();
  }
}

void ReverseProxy::State::forward(const Request* in, Request& out, bool peer_is_trusted) const {
  if (peer_is_trusted) {
    remove_false_claims(out.headers(), allowed);
    append_forwarded(*in, out.headers());
  } else {
    remove_claims(out.headers(), allowed);
    add_forwarded(out, out.headers());
  }
}

HookOutcome ReverseProxy::State::rewrite(const Request* in,
                                         Request& out,
                                         bool peer_is_trusted) const {
  if (single_target != nullptr) {
    out.set_url(std::move(out.url()).resolved_below(*single_target));
    return HookOutcome();
  }
  ProxyRequest both(*in, out, peer_is_trusted);
  HookOutcome outcome = options.rewrite.call(both);
  if (outcome && !*outcome) outcome = answer_given(both);
  return outcome;
}

task<HookOutcome> ReverseProxy::State::rewrite_later(const Request& in,
                                                     Request& out,
                                                     bool peer_is_trusted) const {
  ProxyRequest both(in, out, peer_is_trusted);
  task<HookOutcome> work = options.rewrite.start(both);
  const Time deadline = out.deadline().value_or(Time::max());
  HookOutcome outcome = co_await until_deadline(deadline, std::move(work));
  if (outcome && !*outcome) outcome = answer_given(both);
  co_return outcome;
}

Result<void> ReverseProxy::State::begin_finish(Response& response,
                                               std::string_view protocol) const {
  if (Result<void> is_answer = check_is_answer(response, protocol); !is_answer) return is_answer;
  remove_hops_of_upstream(response);
  return {};
}

Result<void> ReverseProxy::State::modify(ProxyResponse both) const {
  HookOutcome outcome = options.modify_response.call(both);
  if (!outcome) return failure(std::move(outcome.error()));
  if (*outcome) both.answer(std::move(**outcome));
  return {};
}

task<Result<void>> ReverseProxy::State::modify_later(ProxyResponse both, Time deadline) const {
  task<HookOutcome> work = options.modify_response.start(both);
  HookOutcome outcome = co_await until_deadline(deadline, std::move(work));
  if (!outcome) co_return failure(std::move(outcome.error()));
  if (*outcome) both.answer(std::move(**outcome));
  co_return Result<void>();
}

void ReverseProxy::State::end_finish(Response& response) const {
  if (options.modify_response && response.status() != Status::switching_protocols) {
    response.set_tunnel(nullptr);
  }
  if (options.flush == FlushPolicy::immediate || !response.body().length() ||
      is_event_stream(response.headers().get_or_empty(field::content_type))) {
    MessageAccess::set_flush_at_once(response, true);
  }
}

std::unique_ptr<const HostChange> ReverseProxy::State::host_change(const Request* in,
                                                                   const Request& out,
                                                                   bool peer_is_trusted) const {
  if (!options.map_back_host) return nullptr;
  ClientPlace client = client_place(*in, peer_is_trusted);
  if (client.host.empty()) return nullptr;
  return std::make_unique<const HostChange>(HostChange{.sent = std::string(out.host()),
                                                       .is_tls = out.url().scheme() == "https",
                                                       .scheme = std::move(client.scheme),
                                                       .host = std::move(client.host)});
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
  proxy.forward(original, request, peer_is_trusted);
  if (proxy.options.rewrite.is_coroutine()) {
    HookOutcome outcome = co_await proxy.rewrite_later(*original, request, peer_is_trusted);
    if (!outcome) co_return proxy.answer_to(outcome.error(), asked, original);
    if (*outcome) co_return std::move(**outcome);
  } else {
    HookOutcome outcome = proxy.rewrite(original, request, peer_is_trusted);
    if (!outcome) co_return proxy.answer_to(outcome.error(), asked, original);
    if (*outcome) co_return std::move(**outcome);
  }

  const auto host_change = proxy.host_change(original, request, peer_is_trusted);
  const ResponseHook& hook = proxy.options.modify_response;
  std::optional<Request> sent;
  if (hook.sees_requests()) sent = request.clone_head();
  const bool has_url = request.url().is_absolute();
  const Time deadline = request.deadline().value_or(Time::max());
  Result<Response> result = co_await proxy.options.transport->round_trip(std::move(request));
  if (!result) co_return proxy.answer_to(explained(result.error(), has_url), asked, original);
  Result<void> finished = proxy.begin_finish(*result, protocol);
  if (finished && host_change) undo(*host_change, asked.record, *result);
  if (finished && hook) {
    const ProxyResponse both(original, sent ? &*sent : nullptr, *result);
    if (hook.is_coroutine()) {
      Result<void> modified = co_await proxy.modify_later(both, deadline);
      finished = std::move(modified);
    } else {
      finished = proxy.modify(both);
    }
  }
  if (finished) {
    proxy.end_finish(*result);
    co_return std::move(*result);
  }
  // Drops the response, and with it the upstream's connection.
  result = failure(finished.error());
  co_return proxy.answer_to(result.error(), asked, original);
}

}  // namespace onehop
