// SPDX-License-Identifier: Apache-2.0
#include "server/h2_exchange.hpp"

#include "base/arena.hpp"
#include "base/exception_text.hpp"
#include "http/answer_framing.hpp"
#include "http/error_status.hpp"
#include "http/field_names.hpp"
#include "http/hop_by_hop.hpp"
#include "http/media_type.hpp"
#include "http/message_framing.hpp"
#include "http/websocket_handshake.hpp"
#include "server/h2_connection.hpp"
#include "server/serve_exchange.hpp"
#include "server/worker_context.hpp"
#include "wire/request_claim.hpp"
#include "wire/tunnel_relay.hpp"

#include <new>
#include <utility>

namespace onehop::server {
namespace {

// Less than that in write_timeout is no progress: a client that opens its window byte by byte.
constexpr std::uint64_t kMinProgress = 1024;

// Other codes are about this connection, or our own.
bool speaks_of_the_message(h2::ErrorCode code) {
  return code == h2::ErrorCode::internal_error || code == h2::ErrorCode::enhance_your_calm;
}

// Some clients say in a frame of its own, a moment after the head, that there is no content. Where
// that is usual for the method the server waits so long for it.
constexpr net::Duration kPatienceForEnd = std::chrono::milliseconds(10);

bool usually_has_no_content(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "DELETE" ||
         method == "TRACE";
}

}  // namespace

H2Exchange::H2Exchange(H2Connection& connection)
    : Stream(Arena::create()),
      connection_(connection),
      link_(connection.link()),
      worker_(connection.worker()),
      counted_(worker_.requests()),
      member_(*this),
      record_(open_record(*arena(), connection.info(), worker_.reactor().now())),
      claim_(wire::kRequestClaim),
      sender_(*this, worker_.reactor(), Side::client),
      received_(worker_.reactor()),
      tunnel_changed_(worker_.reactor()),
      tunnel_over_(&H2Exchange::on_tunnel_over, this),
      stalled_since_(record_->began) {
  record_->version = Version::http_2;
}

H2Exchange::~H2Exchange() {
  // Both directions of a tunnel use its far end, which running_ owns.
  up_ = {};
  down_ = {};
  running_ = {};
  if (body_) body_->detach();
  if (self_) *self_ = nullptr;
  finish();
}

void H2Exchange::finish() {
  record_->ended = worker_.reactor().now();
  connection_.idle_since_ = record_->ended;
  connection_.exchange_ended_.set();
  record_->request_body = received();
  record_->response_body = sent();
  // Half of a tunnel is not the whole.
  const bool whole = !record_->upgraded || (!has_tunnel() && !gave_up_);
  if (has_sent_end() && whole) {
    record_->outcome = Outcome::complete;
  } else if (!gave_up_) {
    const bool cut = worker_.was_cut() && !is_closed();
    record_->outcome = cut ? Outcome::aborted : Outcome::client_gone;
    try {
      Error error(Errc::client_gone, Side::client);
      if (cut) error = Error(Errc::cancelled, Side::local, "cut when the server stopped");
      fail(error.during(phase()));
    } catch (const std::bad_alloc&) {  // it is called by the destructor
    }
  }
  worker_.exchange_ended(*record_);
}

Phase H2Exchange::phase() const noexcept {
  if (record_->upgraded) return Phase::tunnel;
  return answered_ ? Phase::deliver : Phase::wait;
}

void H2Exchange::fail(const Error& error) {
  note_failure(*record_, error);
}

// --- what the session tells --------------------------------------------------------------------

void H2Exchange::on_event() {
  if (has_head() && !begun_ && !is_closed()) {
    begun_ = true;
    running_ = run();
    running_.start();
  }
  if (waits_for_body_ && (has_piece() || has_ended() || is_closed())) wake_reader();
  sender_.on_event();
  if (is_closed()) return closed();
  settle();
}

// The answer is out and nobody wants the rest of the request (RFC 9113 §8.1).
void H2Exchange::settle() {
  if (!has_sent_end() || has_ended() || body_ || has_tunnel() || !is_open()) return;
  drop_content();
  reset(h2::ErrorCode::no_error);
  link_.flush_soon();
}

void H2Exchange::closed() {
  if (!begun_) {
    if (const h2::FieldSection* head = incomplete_head()) note_head(*head);
  }
  if (problem() == kMemoryIsShort) {
    fail(Error(Errc::overloaded, Side::local, problem()).during(Phase::head));
  } else if (!begun_) {
    const char* const what = problem() ? problem() : "a head that did not come to its end";
    fail(Error(Errc::bad_request, Side::client, what).during(Phase::head));
  } else if (problem()) {
    fail(Error(Errc::bad_request, Side::client, problem()).during(Phase::send));
  }
  if (send_problem()) {
    fail(Error(Errc::limit_exceeded, Side::local, send_problem()).during(Phase::deliver));
  }
  if (problem() || send_problem()) {
    gave_up_ = true;
    record_->outcome = Outcome::aborted;
  } else if (!gave_up_ && !has_sent_end() && speaks_of_the_message(close_code())) {
    // Noted before anything is cancelled: the upstream is told the same.
    fail(h2::stream_reset(close_code(), Side::client).during(phase()));
  }
  if (outlives_stream()) return;
  delete this;  // whatever still runs for it is cancelled
}

bool H2Exchange::outlives_stream() const noexcept {
  return is_closed() && has_tunnel() && !gave_up_ && has_ended() &&
         close_code() == h2::ErrorCode::no_error;
}

void H2Exchange::on_tunnel_over(void* self) {
  auto* const exchange = static_cast<H2Exchange*>(self);
  wire::H2Link& link = exchange->link_;
  delete exchange;
  link.flush_soon();
}

void H2Exchange::watch(net::Time now) {
  const Server::Options& options = worker_.options();
  if (!begun_ && io::deadline_after(record_->began, options.header_timeout) <= now) {
    // Before the rest of a head nothing else may come (RFC 9113 §6.10): the connection is stuck.
    gave_up_ = true;
    record_->outcome = Outcome::client_gone;
    fail(Error(Errc::timed_out, Side::client, "the head did not come to its end")
             .during(Phase::head));
    connection_.give_up();
    return;
  }
  if (waits_for_body_ && may_pause()) {
    waits_since_ = now;
  } else if (waits_for_body_ && io::deadline_after(waits_since_, options.body_timeout) <= now) {
    body_failure_ = Error(Errc::timed_out, Side::client, "no byte of the body came");
    wake_reader();
  }
  if (unsent() == 0 || sent() - sent_before_ >= kMinProgress) {
    stalled_since_ = now;
    sent_before_ = sent();
    return;
  }
  if (io::deadline_after(stalled_since_, options.write_timeout) > now) return;
  give_up(Error(Errc::timed_out, Side::client, "no progress in writing").during(Phase::deliver));
}

// Whether a client that is silent is no reason to end the exchange: a call may stream both ways,
// and a tunnel's silence is normal. Once the response is complete, its silence is just that.
bool H2Exchange::may_pause() const noexcept {
  if (has_tunnel()) return true;
  return (answered_ || is_call_) && !has_sent_end();
}

// --- the request -------------------------------------------------------------------------------

void H2Exchange::note_head(const h2::FieldSection& head) {
  if (const auto method = Method::parse(head.method())) record_->method = method_ = *method;
  record_->target = head.path();
  record_->host = head.authority();
  note_client(*record_, connection_.info(), head.headers(), worker_.shared().trusted, *arena());
}

Result<Request> H2Exchange::take_request(h2::FieldSection& head) {
  record_->head_received = worker_.reactor().now();
  note_head(head);
  is_connect_ = head.method() == "CONNECT";
  auto request = head.take_request();
  if (!request) return request;
  method_ = request->method();
  worker_.give_request_id(request->headers(), connection_.info());
  note_request(*record_, method_, head.path(), request->headers());
  // Where the content ends is told by the frames; the field is what it has to amount to.
  const bool has_content = !has_ended() || has_piece();
  const std::optional<std::uint64_t> length = head.content_length();
  BodyFraming framing = length ? BodyFraming::of_length(*length) : BodyFraming::chunked();
  if (!has_content) framing = BodyFraming::none();
  const auto checked = check_request(*request, Version::http_2, framing, worker_.options());
  if (!checked) return failure(checked.error());
  expects_continue_ = *checked;
  is_call_ = is_grpc(request->headers().get_or_empty(field::content_type));
  request->set_connection(facts_of(*arena(), connection_.info(), *record_));
  request->set_record(record_);
  if (is_connect_) {
    expected_accept_ = websocket_accept(request->headers().get_or_empty(field::sec_websocket_key));
  }
  if (framing.has_content() && !is_connect_) {
    RequestContent& content = *this;
    auto body = std::make_unique<RequestBody>(worker_.reactor(), content, length);
    body_ = body.get();
    request->set_body(Body::from(std::move(body)));
  }
  self_ = arena()->make<H2Exchange*>(this);
  request->on_informational([self = self_](const Response& response) {
    if (*self) (*self)->send_informational(response);
  });
  return request;
}

std::optional<Result<bytes>> H2Exchange::read_body(std::size_t most) {
  if (body_failure_) return failure(*body_failure_);
  const std::string_view piece = take_piece(most > 0 ? most : std::string_view::npos);
  link_.flush_soon();  // the client may have got room for more
  if (received() > worker_.options().max_body) {
    body_failure_ = Error(Errc::body_too_large, Side::client);
    drop_content();
    return failure(*body_failure_);
  }
  if (!piece.empty()) return bytes(piece);
  if (!at_end()) {
    if (is_closed()) return failure(Errc::client_gone, Side::client);
    return std::nullopt;
  }
  if (!std::exchange(trailers_taken_, true)) {
    if (auto section = take_trailers()) {
      auto trailers = section->take_trailers();
      if (!trailers) {
        body_failure_ = trailers.error();
        return failure(*body_failure_);
      }
      trailers_ = std::move(*trailers);
    }
  }
  return bytes();
}

void H2Exchange::begin_body_wait() {
  // Whoever reads wants the content, so a client that asks first is told to go on.
  if (expects_continue_ && received() == 0) send_informational(Response(Status::continue_));
  waits_since_ = worker_.reactor().now();
  waits_for_body_ = true;
}

void H2Exchange::end_body_wait() noexcept {
  waits_for_body_ = false;
}

// The handler's, or the tunnel's.
void H2Exchange::wake_reader() noexcept {
  if (body_) {
    body_->wake();
  } else {
    received_.set();
  }
}

void H2Exchange::body_dropped() noexcept {
  body_ = nullptr;
  // The frames of the answer may not be out yet: settle() looks again when they are.
  if (!has_ended()) settle();
}

// An upstream that speaks HTTP/1 would be told of content, in chunks, where there is none, and some
// refuse that.
bool H2Exchange::may_end_soon() const noexcept {
  if (has_ended() || has_piece()) return false;
  const h2::FieldSection* const head = incomplete_head();
  return head && usually_has_no_content(head->method()) && !head->content_length();
}

task<void> H2Exchange::wait_for_end() {
  note_head(*incomplete_head());  // the client may leave before
  waits_since_ = worker_.reactor().now();
  waits_for_body_ = true;
  co_await received_.wait(waits_since_ + kPatienceForEnd);
  waits_for_body_ = false;
}

void H2Exchange::send_informational(const Response& response) {
  if (answered_ || !is_open()) return;
  if (response.status() == Status::continue_ && std::exchange(continue_sent_, true)) return;
  Headers headers = response.headers().clone();
  remove_hop_by_hop(headers);
  h2::FieldList& fields = link_.field_list();
  h2::write_response(response.status(), headers, {}, *headers.arena(), fields);
  Stream::send_informational(fields);
  link_.flush_soon();
}

// --- the exchange ------------------------------------------------------------------------------

RootTask<H2Exchange> H2Exchange::run() {
  if (may_end_soon()) co_await wait_for_end();
  auto head = take_head();
  // What came meanwhile made the message malformed. Its reset may still wait to be sent, and
  // closed() says the rest.
  if (!head) co_return;
  auto request = take_request(*head);
  if (!request) {
    refuse(request.error());
    co_return;
  }
  auto place = connection_.enter_request(record_->client);
  if (!place) {
    Response answer = worker_.turn_away(*request, *record_, Errc::too_many_requests);
    request = failure(Errc::too_many_requests, Side::client);  // nobody will read its content
    answer_at_once(std::move(answer));
    co_return;
  }
  place_ = std::move(*place);
  std::optional<Response> response;
  try {
    task<Response> serving = worker_.handler().serve(std::move(*request));
    response = co_await std::move(serving);
    worker_.reactor().expect_current();
  } catch (...) {
    response = answer_to_exception(*record_, exception_text());
  }
  check_answer(*response);
  if (response->status() == Status::switching_protocols) {
    co_await tunnel(*response);
    co_return;
  }
  if (!begin_any_answer(*response)) co_return;
  Result<void> sent;
  try {
    auto sent_at_once = sender_.try_send(link_, response->body(), progress_);
    if (sent_at_once) {
      sent = std::move(*sent_at_once);
    } else {
      sent = co_await sender_.send_rest();
    }
  } catch (...) {  // a body of the handler's own
    sent = failure(Errc::handler_failed, Side::local, exception_text());
  }
  if (!sent) give_up(sent.error());
}

// Out of run(), where nothing of a user's can throw: there was no memory. For the reset there may
// be none either, and then the connection ends.
void H2Exchange::on_exception() noexcept {
  try {
    give_up(Error(Errc::handler_failed, Side::local, exception_text()));
  } catch (...) {
    link_.give_up();
  }
  if (is_closed()) worker_.reactor().schedule(tunnel_over_);
}

void H2Exchange::refuse(const Error& error) {
  Error told = error;
  fail(told.during(Phase::head));
  answer_at_once(response_for(status_for(error), {}, record_->request_id));
}

// With a text of our own, which is short and here at once.
void H2Exchange::answer_at_once(Response response) {
  if (!begin_answer(response)) return;
  (void)sender_.try_send(link_, response.body(), progress_);
}

// Returns whether content follows.
bool H2Exchange::begin_answer(Response& response) {
  const AnswerFraming answer = answer_framing(method_, response);
  h2::ResponseFraming framing;
  if (!answer.is_length_implied) framing.length = answer.length;  // END_STREAM says the same
  // Beside frames a length that was received may go out even if trailers follow.
  framing.keep_content_length = answer.keeps_content_length || answer.may_have_trailers();
  framing.announce_trailers = answer.may_have_trailers();
  if (!response.headers().has(FieldId::date)) framing.date = arena()->copy(worker_.date());
  h2::FieldList& fields = link_.field_list();
  answer_memory_ = response.headers().arena_or_none();
  h2::write_response(response.status(), response.headers(), framing, *arena(), fields);
  answered_ = true;
  record_->status = response.status().code();
  send_head(fields, !answer.has_content());
  link_.flush_soon();
  return answer.has_content();
}

// What cannot be answered becomes what can: a final response, or the 101 that begins a tunnel.
void H2Exchange::check_answer(Response& response) {
  if (response.status() == Status::switching_protocols && response.tunnel() && is_connect_) {
    if (response.headers().get(field::sec_websocket_accept) == expected_accept_) return;
    fail(Error(Errc::bad_response, Side::upstream, "Sec-WebSocket-Accept is not that of the key"));
    response = response_for(Status::bad_gateway, {}, record_->request_id);
  }
  check_is_final(*record_, response);
  if (is_connect_ && response.status().code() < 300) {
    // For the client any 2xx would be the tunnel (RFC 8441 §5).
    fail(Error(Errc::bad_response, Side::upstream, "the upgrade was answered with a 2xx"));
    response = response_for(Status::bad_gateway, {}, record_->request_id);
  }
}

// begin_answer(), or that of a 500: a body of the handler's own may throw when it is asked how long
// it is.
bool H2Exchange::begin_any_answer(Response& response) {
  try {
    return begin_answer(response);
  } catch (...) {
    response = answer_to_exception(*record_, exception_text());
  }
  return begin_answer(response);
}

// After the head only a reset tells the client that the answer is not complete.
void H2Exchange::give_up(const Error& error) {
  if (std::exchange(gave_up_, true)) return;
  Error told = error;
  if (told.phase() == Phase::none) told.during(Phase::receive);
  fail(told);
  const bool left = error.side() == Side::client && !error.is_timeout();
  record_->outcome = left ? Outcome::client_gone : Outcome::aborted;
  const auto code = h2::code_of(error);
  const bool passes = code && *code != h2::ErrorCode::no_error;
  const auto own =
      error.side() == Side::client ? h2::ErrorCode::cancel : h2::ErrorCode::internal_error;
  link_.flush_now();  // what came before the fault is still the client's
  reset(passes ? *code : own);
  link_.flush_soon();
}

// --- tunnels -----------------------------------------------------------------------------------

task<void> H2Exchange::tunnel(Response& response) {
  const std::unique_ptr<Tunnel> far = response.take_tunnel();
  response.headers().erase(field::sec_websocket_accept);  // RFC 8441 §5
  response.headers().erase(field::trailer);
  h2::FieldList& fields = link_.field_list();
  answer_memory_ = response.headers().arena_or_none();
  h2::ResponseFraming framing;
  framing.date = arena()->copy(worker_.date());
  h2::write_response(Status::ok, response.headers(), framing, *arena(), fields);
  answered_ = true;
  record_->status = Status::ok.code();
  record_->upgraded = true;
  send_head(fields, false);
  link_.flush_soon();
  tunnel_activity_ = worker_.reactor().now();
  const TunnelWatch watch(worker_.tunnels(), tunnel_activity_, &H2Exchange::on_tunnel_silent, this);
  up_ = guarded(tunnel_up(*far));
  down_ = guarded(tunnel_down(*far));
  up_.start();
  down_.start();
  while (has_tunnel() && !gave_up_)
    co_await tunnel_changed_.wait();
  up_ = {};
  down_ = {};
  settle();
  if (is_closed()) worker_.reactor().schedule(tunnel_over_);
}

// A tunnel of somebody's own may throw.
task<void> H2Exchange::guarded(task<void> direction) {
  std::string what;
  try {
    co_await std::move(direction);
    co_return;
  } catch (...) {
    what = exception_text();
  }
  tunnel_ended(failure(Errc::handler_failed, Side::local, std::move(what)));
}

task<void> H2Exchange::tunnel_up(Tunnel& far) {
  for (;;) {
    const std::string_view piece = take_piece(wire::tunnel_piece());
    link_.flush_soon();
    if (!piece.empty()) {
      tunnel_activity_ = worker_.reactor().now();
      auto written = co_await far.write(piece);
      if (!written) {
        tunnel_ended(written);
        co_return;
      }
      tunnel_activity_ = worker_.reactor().now();
      continue;
    }
    if (at_end()) break;
    waits_for_body_ = true;
    co_await received_.wait();
    waits_for_body_ = false;
  }
  far.close_write();
  co_await far.flushed();
  tunnel_ended({});
}

task<void> H2Exchange::tunnel_down(Tunnel& far) {
  for (;;) {
    auto piece = co_await far.read();
    if (!piece) {
      tunnel_ended(failure(piece.error()));
      co_return;
    }
    if (piece->empty()) break;
    send(*piece);
    tunnel_activity_ = worker_.reactor().now();
    link_.flush_soon();
    while (sender_.is_full()) {
      const std::uint64_t before = sent();
      auto room = co_await sender_.wait_for_room(link_, wire::kTunnelLivenessCheck);
      if (sent() != before) tunnel_activity_ = worker_.reactor().now();
      if (!room && !room.error().is_timeout()) co_return;
      if (room || !far.has_failed()) continue;
      tunnel_ended(failure(Errc::closed, Side::upstream));
      co_return;
    }
  }
  send_end({});
  link_.flush_soon();
  tunnel_ended({});
  const auto gone = co_await far.gone();
  tunnel_ends_ = 2;  // nobody is there for what the client would say
  tunnel_ended(gone);
}

// The client sees an end, as where its far side has closed, and after that NO_ERROR. One that does
// not take what was sent would not see it: its stream is reset.
void H2Exchange::on_tunnel_silent(void* self) {
  auto& exchange = *static_cast<H2Exchange*>(self);
  if (std::exchange(exchange.gave_up_, true)) return;
  exchange.fail(Error(Errc::cancelled, Side::local, kSilentTunnel).during(Phase::tunnel));
  exchange.record_->outcome = Outcome::aborted;
  exchange.tunnel_ends_ = 2;
  if (exchange.unsent() > 0) {
    exchange.reset(h2::ErrorCode::cancel);
  } else {
    exchange.send_end({});
  }
  exchange.link_.flush_soon();
  exchange.tunnel_changed_.set();
}

void H2Exchange::tunnel_ended(const Result<void>& result) {
  ++tunnel_ends_;
  if (!result) {
    Error error = result.error();
    give_up(error.during(Phase::tunnel));
  }
  tunnel_changed_.set();
}

}  // namespace onehop::server
