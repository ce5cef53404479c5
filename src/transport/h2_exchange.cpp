// SPDX-License-Identifier: Apache-2.0
#include "transport/h2_exchange.hpp"

#include "base/arena.hpp"
#include "base/check.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "http/media_type.hpp"
#include "http/usual_content.hpp"
#include "http/websocket_handshake.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace onehop::transport {
namespace {

// Reports whether a response of this type may be silent for any time.
bool may_be_silent(std::string_view content_type) {
  return is_event_stream(content_type) || is_grpc(content_type);
}

// The error of a request that was not sent because the connection has ended or will end.
Error takes_no_more() {
  return Error(Errc::closed, Side::upstream, "the connection accepts no more requests")
      .during(Phase::send)
      .retry_safe(true);
}

}  // namespace

H2Exchange::H2Exchange(H2Connection& connection, Request& request)
    : Stream(HeaderWriter(request.headers()).arena()),
      connection_(&connection),
      pool_(connection.pool()),
      pool_member_(*this),
      ref_(std::in_place, connection.owner().use()),
      member_(*this),
      sender_(*this, pool_.reactor(), Side::upstream),
      record_(request.record()),
      changed_(pool_.reactor()),
      activity_timeout_(pool_.options().activity_timeout),
      upload_(*this, pool_.options(), pool_.reactor().now()) {
  connection.add(member_);
  pool_.add(pool_member_);
}

H2Exchange::~H2Exchange() {
  upload_.cancel();
  if (!connection_) return;  // the pool, and the event loop, may be gone too
  cancel_with(reason_to_cancel(), pool_.reactor().now());
  connection_->remove(member_);
}

// The connection ends next, and reports that to the exchange.
void H2Exchange::PoolMember::pool_ended() noexcept {
  exchange.ref_.reset();
}

// Passes on the client's reason for a reset.
h2::ErrorCode H2Exchange::reason_to_cancel() const {
  if (record_ && record_->failure && record_->failure->side() == Side::client) {
    if (const auto code = h2::code_of(*record_->failure)) return *code;
  }
  return h2::ErrorCode::cancel;
}

void H2Exchange::on_connection_lost(bool timed_out) noexcept {
  stop_upload();  // the upload uses the connection
  const char* const lost = connection_->knows_settings()
                               ? "the connection was lost"
                               : "the connection was lost before the upstream spoke HTTP/2";
  mark_passed_over();
  connection_ = nullptr;
  const bool was_open = !is_closed();  // or it ended with the connection's last bytes
  if (was_open) end_ = End::lost;
  connection_lost();
  if (was_open && !failure_) {
    // A request that was never sent has not waited for the upstream, so it may go elsewhere
    // (Resend).
    const bool has_waited = timed_out && has_sent_head();
    const Errc what = has_waited ? Errc::timed_out : Errc::closed;
    failure_ = Error(what, Side::upstream, has_waited ? "no answer to a PING" : lost);
  }
  sender_.on_event();
  if (tunnel_) tunnel_->on_event();
  changed_.set();
}

void H2Exchange::on_event() {
  if (has_head() && progress_ == Progress::waiting) progress_ = Progress::responding;
  if (has_sent_end() && !std::exchange(has_left_, true)) upload_.on_left(pool_.reactor().now());
  mark_passed_over();
  if (has_responded()) {
    if (is_closed()) stop_upload();
    upload_.let_go();
  }
  sender_.on_event();
  // That the request was sent is not an event for a caller that waits for the response.
  if (!has_head() && !has_piece() && !has_ended() && !is_closed()) return;
  if (connection_) connection_->on_content();
  if (tunnel_) tunnel_->on_event();
  changed_.set();
}

// --- the request -------------------------------------------------------------------------------

// An extended CONNECT stands for a GET without content (RFC 8441 §5). Any other request is sent
// unchanged: the upstream may respond without an upgrade.
bool H2Exchange::asks_for_tunnel(const Request& request) noexcept {
  return request.headers().has(field::upgrade) && request.method() == Method::get &&
         request.body().is_empty();
}

Result<void> H2Exchange::open(const Request& request, bool as_tunnel) {
  h2::RequestFraming framing;
  framing.scheme = request.url().scheme() == "https" ? "https" : "http";
  const auto length = upload_.length();
  if (!length) {
    framing.announce_trailers = true;
  } else if (*length > 0 || usually_has_content(request.method())) {
    framing.length = length;
  }
  takes_trailers_ = request.headers().has_token(field::te, "trailers");
  std::optional<std::string_view> upgrade;
  if (as_tunnel) upgrade = request.headers().get(field::upgrade);
  if (upgrade) {
    if (!connection_->session().peer_takes_extended_connect()) {
      return failure(Error(Errc::unexpected_upgrade, Side::upstream,
                           "the upstream does not accept upgrades over HTTP/2")
                         .during(Phase::send));
    }
    framing.extended_connect = true;
    framing.length.reset();
    tunnel_protocol_ = *upgrade;
    tunnel_key_ = request.headers().get_or_empty(field::sec_websocket_key);
  }
  h2::FieldList& fields = connection_->link().field_list();
  h2::write_request(request, framing, *arena(), fields);
  const bool end = !upload_.has_content() && !upgrade;
  if (!connection_->session().open(*this, fields, end)) {
    connection_->retire();  // it has no stream number left
    return failure(takes_no_more());
  }
  connection_->link().flush_soon();
  return {};
}

void H2Exchange::begin_upload() {
  upload_.begin(sender_, pool_.reactor(), [this](Body& body, wire::BodyProgress& progress) {
    return sender_.try_send(connection_->link(), body, progress, stall_);
  });
}

// Nothing more can be sent. After a response, the rest of the content is not requested either, so
// that the client's connection is free for its next request.
void H2Exchange::stop_upload() {
  upload_.stop();
  if (has_responded()) upload_.drop_body();
}

// --- the response ------------------------------------------------------------------------------

void H2Exchange::begin(Request& request, HeldString* copy) {
  ONEHOP_DCHECK(connection_ && progress_ == Progress::waiting);
  const bool as_tunnel = asks_for_tunnel(request);
  upload_.take(request, copy);
  // A gRPC call may be as slow to read as it is to write.
  if (!is_grpc(request.headers().get_or_empty(field::content_type))) stall_ = activity_timeout_;
  if (const auto opened = open(request, as_tunnel); !opened) {
    wait_failure_ = opened.error();
    return;
  }
  upload_.await_continue(request);
  const bool sends_content = upload_.has_content() && !upload_.is(Upload::State::awaiting_continue);
  if (sends_content) begin_upload();
  if (record_) record_->request_sent = pool_.reactor().now();
}

Poll<Response> H2Exchange::try_response(const Request& request) {
  while (has_head()) {
    auto head = take_head();
    auto response = head->take_response();
    if (!response) {
      Error error = response.error();
      return failure(error.during(Phase::wait));
    }
    if (!response->status().is_informational()) {
      final_response(request, *response, head->content_length());
      upload_.on_response();
      return response;
    }
    pass_on(request, *response);
  }
  if (upload_.failure_of_source()) return failure(*upload_.failure_of_source());
  if (is_closed()) return failure(closed_error().during(Phase::wait));
  if (wait_failure_) return failure(*wait_failure_);
  return std::nullopt;
}

io::Event::Awaiter H2Exchange::wait_for_response() noexcept {
  const net::Time now = pool_.reactor().now();
  return changed_.wait(std::min(upload_.wait_deadline(now), stall_deadline(now)));
}

// While the upload runs, its sender limits the wait for the windows. Once it has passed everything
// to the stream, some of that may still wait for them.
net::Time H2Exchange::stall_deadline(net::Time now) noexcept {
  if (!upload_.is_on_its_way()) return io::kNever;
  if (upload_.is(Upload::State::sending)) return io::deadline_after(now, stall_);
  const bool is_blocked = connection_ && connection_->link().is_blocked();  // it has a deadline
  if (std::exchange(framed_, sent()) != sent() || is_blocked) framed_at_ = now;
  return io::deadline_after(std::max(framed_at_, upload_.last_progress()), stall_);
}

void H2Exchange::on_wait(bool changed) {
  if (changed) return;
  const net::Time now = pool_.reactor().now();
  if (upload_.is(Upload::State::awaiting_continue)) return begin_upload();
  const bool has_stalled = stall_deadline(now) <= now;
  if (!has_stalled && upload_.response_deadline(now) > now) return;
  if (connection_) connection_->suspect();
  Error error(Errc::timed_out, Side::upstream);
  if (has_stalled) error.with("no progress in writing");
  wait_failure_ = error.during(has_stalled ? Phase::send : Phase::wait);
}

void H2Exchange::mark_passed_over() noexcept {
  if (!is_closed() || !connection_) return;
  const bool was_refused = close_code() == h2::ErrorCode::refused_stream;
  end_ = was_refused && id() > connection_->last_taken() ? End::passed_over : End::own;
}

Delivery H2Exchange::delivery() const noexcept {
  if (progress_ != Progress::waiting) return Delivery::answered;
  if (!has_sent_head()) return Delivery::unsent;
  if (end_ == End::lost) return Delivery::uncertain;
  if (end_ == End::passed_over) return Delivery::passed_over;
  if (!is_closed()) return Delivery::uncertain;  // it was given up after a timeout
  const h2::ErrorCode code = close_code();
  const bool unprocessed =
      code == h2::ErrorCode::refused_stream || code == h2::ErrorCode::http_1_1_required;
  return unprocessed ? Delivery::refused : Delivery::answered;
}

// Returns why the stream was closed without a complete response.
Error H2Exchange::closed_error() const {
  const bool unprocessed = is_unprocessed(delivery());
  if (failure_) {
    Error error = *failure_;
    return error.retry_safe(unprocessed);
  }
  if (problem() == kMemoryIsShort) return Error(Errc::overloaded, Side::local);
  if (problem()) return Error(Errc::bad_response, Side::upstream, problem());
  if (send_problem()) return Error(Errc::limit_exceeded, Side::local, send_problem());
  if (!has_sent_head()) return takes_no_more();
  if (end_ == End::passed_over) {
    Error error(Errc::closed, Side::upstream, "a GOAWAY excluded the request");
    return error.retry_safe(unprocessed);
  }
  const h2::ErrorCode code = close_code();
  if (code == h2::ErrorCode::no_error) {
    return Error(Errc::truncated, Side::upstream, "the stream ended early");
  }
  Error error = h2::stream_reset(code, Side::upstream);
  return error.retry_safe(unprocessed);
}

void H2Exchange::pass_on(const Request& request, const Response& response) {
  request.send_informational(response);
  const bool goes_on = response.status() == Status::continue_ && is_open() &&
                       upload_.is(Upload::State::awaiting_continue);
  if (goes_on) begin_upload();
}

void H2Exchange::final_response(const Request& request,
                                Response& response,
                                std::optional<std::uint64_t> length) {
  ONEHOP_DCHECK(progress_ == Progress::responding);
  progress_ = Progress::responded;
  if (record_) record_->response_began = pool_.reactor().now();
  if (upload_.is(Upload::State::awaiting_continue)) {
    // A rejection does not want the content; a response that has begun may be waiting for it.
    if (response.status().code() < 300 && is_open()) {
      begin_upload();
    } else {
      upload_.drop();
    }
  }
  if (is_closed()) stop_upload();
  if (!tunnel_protocol_.empty() && response.status().code() < 300) {
    return become_tunnel(response);
  }
  const Headers& headers = response.headers();
  // If a length were set, an HTTP/1.1 client would not receive the trailers.
  const bool may_have_trailers = takes_trailers_ || HeaderLines(headers).has(FieldId::trailer);
  if (!may_have_trailers) length_ = length;
  if (request.method() == Method::head || response.status().forbids_body()) length_ = 0;
  may_be_silent_ = !length;
  if (may_be_silent(headers.get_or_empty(field::content_type))) {
    activity_timeout_ = net::Duration::max();
  }
}

// Turns the response into the one an HTTP/1.1 client expects (RFC 8441 §5, RFC 6455 §4.2.2).
void H2Exchange::become_tunnel(Response& response) {
  is_tunnel_ = true;
  Headers& headers = response.headers();
  headers.erase(field::content_length);  // a tunnel has no content (RFC 9110 §9.3.6)
  response.set_status(Status::switching_protocols);
  headers.set(field::connection, "Upgrade");
  headers.set(field::upgrade, tunnel_protocol_);
  if (!tunnel_key_.empty()) {
    headers.set(field::sec_websocket_accept, websocket_accept(tunnel_key_));
  }
}

bool H2Exchange::take_trailers_now() {
  if (std::exchange(trailers_taken_, true)) return true;
  auto section = take_trailers();
  if (!section) return true;
  auto trailers = section->take_trailers();
  if (!trailers) {
    failure_ = trailers.error();
    return false;
  }
  trailers_ = std::move(*trailers);
  return true;
}

Poll<bytes> H2Exchange::try_read(std::size_t max) {
  const std::string_view piece = take_piece(max > 0 ? max : std::string_view::npos);
  if (connection_) connection_->link().flush_soon();  // the upstream may be allowed to send more
  if (!piece.empty()) return bytes(piece);
  if (at_end_of_response() && take_trailers_now()) return bytes();
  if (upload_.failure_of_source()) return failure(*upload_.failure_of_source());
  if (!is_closed() && !failure_) return std::nullopt;
  Error error = closed_error();
  if (error.is(Errc::closed)) {
    error = Error(Errc::truncated, Side::upstream, "the connection was lost");
  }
  return failure(error.during(Phase::receive));
}

task<Result<bytes>> H2Exchange::read() {
  for (;;) {
    auto piece = try_read(0);
    if (piece) co_return *piece;
    co_await wait();
  }
}

task<void> H2Exchange::wait() {
  const net::Time now = pool_.reactor().now();
  // See H1Exchange::wait(); here, PINGs find a backend that is gone.
  const bool may_pause = may_be_silent_ && received() > 0;
  const net::Duration timeout = may_pause ? net::Duration::max() : activity_timeout_;
  const bool changed = co_await changed_.wait(io::deadline_after(now, timeout));
  if (changed) co_return;
  if (upload_.was_active(pool_.reactor().now(), timeout)) co_return;
  failure_ = Error(Errc::timed_out, Side::upstream).during(Phase::receive);
  if (connection_) connection_->suspect();
}

// --- tunnels -----------------------------------------------------------------------------------

class H2Exchange::OwningTunnel final : public wire::H2Tunnel {
 public:
  explicit OwningTunnel(std::unique_ptr<H2Exchange> exchange)
      : H2Tunnel(*exchange, exchange->sender_, exchange->pool_.reactor(), *exchange),
        exchange_(std::move(exchange)) {
    exchange_->tunnel_ = this;
  }
  OwningTunnel(const OwningTunnel&) = delete;
  OwningTunnel& operator=(const OwningTunnel&) = delete;
  ~OwningTunnel() override { exchange_->tunnel_ = nullptr; }

 private:
  std::unique_ptr<H2Exchange> exchange_;
};

Response H2Exchange::attach(Response response, std::unique_ptr<H2Exchange> exchange) {
  if (exchange->is_tunnel()) {
    response.set_tunnel(std::make_unique<OwningTunnel>(std::move(exchange)));
  } else if (!exchange->is_complete() || exchange->has_unread_trailers()) {
    response.body() = Body::from(std::move(exchange));
  }
  return response;
}

wire::H2Link* H2Exchange::tunnel_link() noexcept {
  return connection_ ? &connection_->link() : nullptr;
}

Error H2Exchange::tunnel_error() const {
  return closed_error().during(Phase::tunnel);
}

}  // namespace onehop::transport
