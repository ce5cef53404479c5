// SPDX-License-Identifier: Apache-2.0
#include "server/h2_exchange.hpp"

#include "base/arena.hpp"
#include "base/check.hpp"
#include "base/exception_text.hpp"
#include "base/poll.hpp"
#include "http/answer_framing.hpp"
#include "http/error_status.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "http/hop_by_hop.hpp"
#include "http/media_type.hpp"
#include "http/message_access.hpp"
#include "http/websocket_handshake.hpp"
#include "server/http_connection.hpp"
#include "server/worker_context.hpp"
#include "wire/request_claim.hpp"

#include <utility>

namespace onehop::server {

// A tunnel while it is relayed.
struct H2Exchange::OpenTunnel {
  explicit OpenTunnel(H2Exchange& e) : exchange(e), client(e, e.sender_, e.worker_.reactor(), e) {
    relay.last_activity = e.worker_.reactor().now();
    ONEHOP_DCHECK(!e.tunnel_);
    e.tunnel_ = this;
  }
  OpenTunnel(const OpenTunnel&) = delete;
  OpenTunnel& operator=(const OpenTunnel&) = delete;
  ~OpenTunnel() { exchange.tunnel_ = nullptr; }

  void on_silent() { relay.end(Error(Errc::cancelled, Side::local, kSilentTunnel)); }

  H2Exchange& exchange;
  wire::H2Tunnel client;
  wire::RelayState relay;
};

H2Exchange::H2Exchange(WorkerContext& worker,
                       const HttpConnection& connection,
                       wire::H2Link& link,
                       Owner& owner)
    : Stream(Arena::create()),
      worker_(worker),
      link_(link),
      owner_(owner),
      served_(worker, worker.configuration(), connection, arena(), worker.reactor().now()),
      content_(*this, link, *this),
      sender_(*this, worker_.reactor(), Side::client),
      over_(io::call<&H2Exchange::on_over>(this)),
      stalled_since_(served_.record().began) {
  served_.record().version = Version::http_2;
  served_.promise_memory(wire::kRequestClaim);
}

// --- from the session --------------------------------------------------------------------------

void H2Exchange::on_event() {
  if (has_head() && !begun_ && !is_closed()) {
    begun_ = true;
    running_ = run();
    running_.start();
  }
  content_.on_event();
  sender_.on_event();
  if (tunnel_) tunnel_->client.on_event();
  if (is_closed()) return on_closed();
  settle();
}

// --- the request -------------------------------------------------------------------------------

void H2Exchange::record_head(const h2::FieldSection& head) {
  ExchangeRecord& record = served_.record();
  if (const auto method = Method::parse(head.method())) served_.record_method(*method);
  record.target = head.path();
  record.host = head.authority();
  served_.record_client(head.headers());
}

Result<Request> H2Exchange::take_request(h2::FieldSection& head) {
  served_.record().head_received = worker_.reactor().now();
  record_head(head);
  is_connect_ = head.method() == "CONNECT";
  auto request = head.take_request();
  if (!request) return request;
  served_.record_request(request->method(), head.path(), request->headers());
  // Frames delimit the content; Content-Length, if there is one, must match it.
  const bool has_content = !has_ended() || has_piece();
  const std::optional<std::uint64_t> length = head.content_length();
  BodyFraming framing = length ? BodyFraming::of_length(*length) : BodyFraming::chunked();
  if (!has_content) framing = BodyFraming::none();
  const auto expects_continue = served_.complete_request(*request, Version::http_2, framing, *this);
  if (!expects_continue) return failure(expects_continue.error());
  is_call_ = is_grpc(request->headers().get_or_empty(field::content_type));
  if (is_connect_) {
    expected_accept_ = websocket_accept(request->headers().get_or_empty(field::sec_websocket_key));
  }
  if (framing.has_content() && !is_connect_) {
    request->set_body(
        Body::from(content_.begin(length, served_.options().max_body, *expects_continue)));
  }
  return request;
}

void H2Exchange::on_content_dropped() noexcept {
  // If frames of the response are still to be sent, settle() is called again when they are out.
  if (!has_ended()) settle();
}

void H2Exchange::send_informational(const Response& response) {
  if (!served_.may_send_informational() || !is_open()) return;
  const bool is_continue = response.status() == Status::continue_;
  if (is_continue && continue_sent_) return;
  Headers headers = response.headers().clone();
  remove_hop_by_hop(headers);
  h2::FieldList& fields = link_.field_list();
  h2::write_response(response.status(), headers, {}, *HeaderWriter(headers).arena(), fields);
  // A dropped 100 does not count as sent: the client still waits, and may never send its content.
  if (!Stream::send_informational(fields)) return;
  if (is_continue) continue_sent_ = true;
  served_.on_informational_sent();
  link_.flush_soon();
}

// --- the exchange ------------------------------------------------------------------------------

RootTask<H2Exchange> H2Exchange::run() {
  if (content_.may_end_soon()) {
    record_head(*incomplete_head());  // the client may leave during the wait
    co_await content_.wait_for_end();
  }
  auto head = take_head();
  // Frames that arrived during the wait made the message malformed. The reset may still have to be
  // sent; on_closed() does the rest.
  if (!head) co_return;
  auto request = take_request(*head);
  if (!request) {
    Error error = request.error();
    send_short_response(served_.malformed_response(error.during(Phase::head)));
    co_return;
  }
  if (!served_.enter()) {
    Response busy = served_.busy_response(*request, Errc::too_many_requests);
    request = failure(Errc::too_many_requests, Side::client);  // its content will not be read
    send_short_response(std::move(busy));
    co_return;
  }
  std::optional<Response> response;
  try {
    task<Response> serving = served_.handler().serve(std::move(*request));
    response = co_await std::move(serving);
    worker_.reactor().expect_current();
  } catch (...) {
    response = served_.exception_response(exception_text());
  }
  check_response(*response);
  if (response->status() == Status::switching_protocols) {
    co_await tunnel(*response);
    co_return;
  }
  const bool has_content = begin_any_response(*response);
  Result<void> sent;
  try {
    Poll<void> sent_at_once(std::in_place);
    if (has_content) sent_at_once = sender_.try_send(link_, response->body(), progress_);
    if (sent_at_once) {
      sent = std::move(*sent_at_once);
    } else {
      sent = co_await sender_.send_rest();
    }
  } catch (...) {  // from a body source of the handler
    sent = failure(Errc::handler_failed, Side::local, exception_text());
  }
  if (!sent) {
    give_up(sent.error());
  } else if (content_.is_lent() && MessageAccess::passes_content_on(response->body())) {
    co_await pass_on_rest();
  }
}

// Called for exceptions of run(), which itself catches those of user code: there was no memory. If
// there is none for the reset either, the connection ends.
void H2Exchange::on_exception() noexcept {
  try {
    give_up(Error(Errc::handler_failed, Side::local, exception_text()));
  } catch (...) {
    link_.give_up();
  }
  if (is_closed()) worker_.reactor().schedule(over_);
}

// Sends a response with a short text of the server, which needs no wait.
void H2Exchange::send_short_response(Response response) {
  if (!begin_response(response)) return;
  (void)sender_.try_send(link_, response.body(), progress_);
}

void H2Exchange::send_final_head(Status status,
                                 const Headers& headers,
                                 h2::ResponseFraming framing,
                                 bool is_end) {
  if (!HeaderLines(headers).has(FieldId::date)) framing.date = arena()->copy(worker_.date());
  h2::FieldList& fields = link_.field_list();
  response_memory_ = HeaderLines(headers).arena_or_none();
  h2::write_response(status, headers, framing, *arena(), fields);
  ONEHOP_DCHECK(!served_.has_begun());  // a final head is sent once
  served_.on_head_sent(status);
  send_head(fields, is_end);
  link_.flush_soon();
}

// Sends the head of the response. Returns whether content follows.
bool H2Exchange::begin_response(Response& response) {
  const AnswerFraming answer = answer_framing(served_.method(), response);
  h2::ResponseFraming framing;
  if (!answer.is_length_implied) framing.length = answer.length;  // END_STREAM means the same
  // Frames delimit the content, so a received Content-Length may be sent even if trailers follow.
  framing.keep_content_length = answer.keeps_content_length || answer.may_have_trailers();
  framing.announce_trailers = answer.may_have_trailers();
  send_final_head(response.status(), response.headers(), framing, !answer.has_content());
  return answer.has_content();
}

// Replaces a response that may not be sent. The result is final, or is a 101 that begins a tunnel.
void H2Exchange::check_response(Response& response) {
  const char* problem = nullptr;
  if (response.status() == Status::switching_protocols && response.tunnel() && is_connect_) {
    if (response.headers().get(field::sec_websocket_accept) == expected_accept_) return;
    problem = "Sec-WebSocket-Accept does not match the key";
  } else {
    served_.check_is_final(response);
    // The client would take any 2xx for the open tunnel (RFC 8441 §5).
    if (is_connect_ && response.status().code() < 300) {
      problem = "the upgrade was answered with a 2xx";
    }
  }
  if (!problem) return;
  served_.record_failure(Error(Errc::bad_response, Side::upstream, problem));
  response = response_for(Status::bad_gateway, {}, served_.record().request_id);
}

// Begins the response, or a 500 in its place: a body source of the handler may throw when it is
// asked for its length.
bool H2Exchange::begin_any_response(Response& response) {
  try {
    return begin_response(response);
  } catch (...) {
    if (served_.has_begun()) throw;  // a head is sent once
    response = served_.exception_response(exception_text());
  }
  return begin_response(response);
}

// After the head, only a reset shows the client that the response is incomplete.
void H2Exchange::give_up(const Error& error) {
  if (served_.is_cut()) return;
  Error failure = error;
  if (failure.phase() == Phase::none) failure.during(Phase::receive);
  const bool left = error.side() == Side::client && !error.is_timeout();
  served_.on_cut(left ? Outcome::client_gone : Outcome::aborted, failure);
  auto code = h2::code_of(error);
  if (!code || *code == h2::ErrorCode::no_error) {
    code = error.side() == Side::client ? h2::ErrorCode::cancel : h2::ErrorCode::internal_error;
  }
  link_.flush_now();  // the client still gets the bytes before the fault
  reset(*code);
  link_.flush_soon();
}

// --- tunnels -----------------------------------------------------------------------------------

bool H2Exchange::has_tunnel() const noexcept {
  return tunnel_ && !tunnel_->relay.is_over();
}

task<void> H2Exchange::tunnel(Response& response) {
  const std::unique_ptr<Tunnel> far = response.take_tunnel();
  response.headers().erase(field::sec_websocket_accept);  // RFC 8441 §5
  response.headers().erase(field::trailer);
  served_.on_tunnel();
  send_final_head(Status::ok, response.headers(), {}, false);
  OpenTunnel open(*this);
  const TunnelWatch watch(worker_.tunnels(), open.relay, served_.record(),
                          io::call<&OpenTunnel::on_silent>(&open));
  auto relayed = co_await wire::relay(open.client, *far, worker_.reactor(), open.relay);
  tunnel_ = nullptr;
  if (!relayed && open.relay.was_ended()) {
    end_silent_tunnel(relayed.error());
  } else if (!relayed) {
    give_up(relayed.error());
  }
  settle();
  if (is_closed()) worker_.reactor().schedule(over_);
}

// The client sees the end of the stream, as if the far side had closed, and after that NO_ERROR. A
// client that does not read what was sent would not see the end, so its stream is reset.
void H2Exchange::end_silent_tunnel(const Error& why) {
  if (served_.is_cut()) return;
  Error failure = why;
  served_.on_cut(Outcome::aborted, failure.during(Phase::tunnel));
  if (unsent() > 0) {
    reset(h2::ErrorCode::cancel);
  } else {
    send_end({});
  }
  link_.flush_soon();
}

}  // namespace onehop::server
