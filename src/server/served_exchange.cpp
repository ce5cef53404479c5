// SPDX-License-Identifier: Apache-2.0
#include "server/served_exchange.hpp"

#include "base/arena.hpp"
#include "http/error_status.hpp"
#include "http/field_names.hpp"
#include "http/grpc_status.hpp"
#include "http/media_type.hpp"
#include "http/message_access.hpp"
#include "server/http_connection.hpp"
#include "server/request_facts.hpp"
#include "server/trace_join.hpp"
#include "server/worker_context.hpp"

#include <exception>
#include <new>
#include <system_error>
#include <utility>

namespace onehop::server {
namespace {

// Returns Errc::overloaded if the current exception has that code, as that of a full offload()
// queue does, and otherwise Errc::handler_failed.
Errc code_of_exception() noexcept {
  if (!std::current_exception()) return Errc::handler_failed;
  try {
    throw;
  } catch (const std::system_error& error) {
    if (error.code() == make_error_code(Errc::overloaded)) return Errc::overloaded;
  } catch (...) {  // any other exception
  }
  return Errc::handler_failed;
}

}  // namespace

bool ServedExchange::may_follow(ResponseState before, ResponseState next) noexcept {
  using enum ResponseState;
  switch (before) {
    case none:
    case informational:
      return next == informational || next == head_sent || next == cut;
    case head_sent:
      return next == complete || next == cut;
    case cut:
      return next == cut;
    case complete:
      break;
  }
  return false;
}

ServedExchange::ServedExchange(WorkerContext& worker,
                               const ConfigurationRef& configuration,
                               const HttpConnection& connection,
                               ArenaRef arena,
                               Time began)
    : Counted(worker.requests()),
      worker_(worker),
      configuration_(configuration),
      connection_(connection),
      arena_(std::move(arena)),
      record_(open_record(*arena_, connection.info(), began)),
      peer_is_trusted_(connection.has_trusted_peer(configuration)) {}

ServedExchange::~ServedExchange() {
  ONEHOP_DCHECK(finished_);
}

void ServedExchange::finish() noexcept {
  ONEHOP_DCHECK(!finished_);
  finished_ = true;
  owner_ = nullptr;
  if (hook_) hook_->clear();
  record_->ended = worker_.reactor().now();
  worker_.exchange_ended(*record_, options());
}

// --- the request -------------------------------------------------------------------------------

void ServedExchange::record_client(const Headers& headers) {
  if (!peer_is_trusted_) return;
  server::record_client(*record_, headers, configuration_->trusted(), *arena_);
}

void ServedExchange::record_request(const Method& method,
                                    std::string_view target,
                                    Headers& headers) {
  method_ = method;
  if (options().request_ids) give_request_id(headers, peer_is_trusted_);
  if (const auto sample = options().trace_sample)
    record_->trace = join_trace(headers, peer_is_trusted_, *sample, *arena_);
  server::record_request(*record_, method, target, headers);
}

Result<bool> ServedExchange::complete_request(Request& request,
                                              Version version,
                                              const BodyFraming& framing,
                                              Owner& owner) {
  ONEHOP_DCHECK(!request.record());  // once for each request
  owner_ = &owner;
  const auto expects_continue = check_request(request, version, framing, options());
  if (!expects_continue) return expects_continue;
  ConnectionInfo facts = facts_of(*arena_, connection_.info(), *record_);
  facts.version = version;
  facts.peer_is_trusted = peer_is_trusted_;
  MessageAccess::set_connection(request, facts);
  MessageAccess::set_record(request, record_, arena_);
  if (version != Version::http_1_0) {
    ONEHOP_DCHECK(hook_ == nullptr);
    hook_ = arena_->make<InformationalHook>(owner);
    MessageAccess::on_informational(
        request, [hook = hook_](const Response& response) { hook->send(response); });
  }
  return expects_continue;
}

bool ServedExchange::enter() {
  ONEHOP_DCHECK(state_ == ResponseState::none);
  auto ticket = connection_.enter_request(record_->client, peer_is_trusted_);
  if (!ticket) return false;
  ticket_ = std::move(*ticket);
  return true;
}

// --- responses made by the server --------------------------------------------------------------

Response ServedExchange::malformed_response(const Error& error) {
  record_failure(error);
  return response_for(status_for(error), {}, record_->request_id);
}

Response ServedExchange::busy_response(const Request& request, Errc why) {
  Error error(why, why == Errc::overloaded ? Side::local : Side::client);
  record_failure(error.during(Phase::head));
  const Headers& headers = request.headers();
  const std::string_view content_type = headers.get_or_empty(field::content_type);
  if (is_grpc(content_type)) return grpc_response_for(error, content_type);
  return response_for(status_for(error), headers.get_or_empty(field::accept),
                      headers.get_or_empty(field::x_request_id));
}

Response ServedExchange::exception_response(std::string what) {
  return malformed_response(Error(code_of_exception(), Side::local, std::move(what)));
}

void ServedExchange::check_is_final(Response& response) {
  if (!response.status().is_informational()) return;
  response = exception_response("the handler gave a " + std::to_string(response.status().code()) +
                                " as its final response");
}

// --- the response ------------------------------------------------------------------------------

void ServedExchange::on_tunnel() noexcept {
  record_->upgraded = true;
  worker_.tunnel_began(*record_, options());
}

void ServedExchange::on_cut(Outcome outcome, const Error& error) {
  on_cut(outcome);
  record_failure(error);
}

void ServedExchange::on_unfinished(bool was_stopped,
                                   Errc code,
                                   Side side,
                                   const char* what) noexcept {
  try {
    Error error(code, side, what);
    if (was_stopped) error = Error(Errc::cancelled, Side::local, "cut when the server stopped");
    record_failure(error.during(phase()));
  } catch (const std::bad_alloc&) {  // no memory, which may be why it ended
  }
}

void ServedExchange::record_failure(const Error& error) {
  if (!record_->failure) record_->failure = error;
}

Phase ServedExchange::phase() const noexcept {
  if (record_->upgraded) return Phase::tunnel;
  return has_begun() ? Phase::deliver : Phase::wait;
}

}  // namespace onehop::server
