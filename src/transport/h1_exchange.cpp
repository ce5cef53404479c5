// SPDX-License-Identifier: Apache-2.0
#include "transport/h1_exchange.hpp"

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "base/check.hpp"
#include "http/connection_authentication.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "http/media_type.hpp"
#include "http/message_access.hpp"
#include "http/message_framing.hpp"
#include "http/usual_content.hpp"
#include "wire/head_reader.hpp"
#include "wire/tunnel_relay.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace onehop::transport {
namespace {

constexpr net::Duration kLongestIdleHint = std::chrono::seconds(60);

// Returns N - 1 s for Keep-Alive: timeout=N, so that this side closes first.
std::optional<net::Duration> idle_hint(const Headers& headers) {
  const std::string_view value = headers.get_or_empty(field::keep_alive);
  const std::size_t at = value.find("timeout=");
  if (at == std::string_view::npos) return std::nullopt;
  unsigned seconds = 0;
  const char* begin = value.data() + at + 8;
  const auto [end, error] = std::from_chars(begin, value.data() + value.size(), seconds);
  if (error != std::errc() || end == begin) return std::nullopt;
  const net::Duration hint = std::chrono::seconds(seconds > 0 ? seconds - 1 : 0);
  return std::min(hint, kLongestIdleHint);
}

// Holds the connection's slot, which max_connections counts, and its count at the endpoint, as long
// as the tunnel lasts.
class UpgradedConnection final : public wire::StreamTunnel {
 public:
  UpgradedConnection(std::unique_ptr<H1Connection> connection, HeldString early, EndpointUse use)
      : StreamTunnel(connection->take_stream(), std::move(early)),
        connection_(std::move(connection)),
        use_(std::move(use)) {}

 private:
  std::unique_ptr<H1Connection> connection_;
  EndpointUse use_;
};

}  // namespace

H1Exchange::H1Exchange(std::unique_ptr<H1Connection> connection)
    : connection_(std::move(connection)),
      pool_(connection_->pool()),
      output_(connection_->stream(), Side::upstream),
      reader_(connection_->stream(), connection_->input(), Side::upstream),
      out_before_(connection_->stream().bytes_out()),
      activity_timeout_(pool_.options().activity_timeout),
      upload_(*this, pool_.options(), pool_.reactor().now()) {
  pool_.add(*this);
}

H1Exchange::~H1Exchange() {
  upload_.cancel();
  if (!connection_) return;
  if (!is_reusable()) {
    // A request that counts as unsent may be sent over another connection, so it must not leave
    // while this connection closes.
    if (output_.has_pending() && delivery() == Delivery::unsent) connection_->stream().abort();
    return;
  }
  connection_->count_exchange();
  H1Connection::Owner& owner = connection_->owner();
  owner.give_back(std::move(connection_));
}

// Reports whether both messages are complete, both sides allow reuse, and the upstream has sent no
// unsolicited bytes.
bool H1Exchange::is_reusable() {
  return keep_alive_ && is_complete() && upload_.is_whole() && !output_.has_pending() &&
         connection_->input().empty() && !connection_->stream().is_hung_up();
}

// --- the request -------------------------------------------------------------------------------

H1Exchange::Sending H1Exchange::plan(const Request& request) const {
  Sending sending;
  h1::HeadFraming& framing = sending.framing;
  const auto length = upload_.length();
  if (!length) {
    framing.body = BodyFraming::chunked();
    framing.trailer = request.headers().get_or_empty(field::trailer);
    sending.coding = wire::Coding::chunked;
  } else if (*length > 0 || usually_has_content(request.method())) {
    framing.body = BodyFraming::of_length(*length);
  }
  framing.te_trailers = request.headers().has_token(field::te, "trailers");
  if (const auto upgrade = request.headers().get(field::upgrade)) {
    framing.persistence = h1::Persistence::upgrade;
    framing.upgrade = *upgrade;
  }
  return sending;
}

Result<void> H1Exchange::send_head(const Request& request) {
  const Sending sending = plan(request);
  coding_ = sending.coding;
  const std::string_view target = request.url().target();
  const std::size_t bound =
      h1::head_size_bound(request.headers(), target, sending.framing) + h1::kMaxAuthority;
  const std::span<char> memory = pool_.reactor().head_scratch();
  std::string large;
  char* out = memory.data();
  if (bound > memory.size()) {
    large.resize(bound);
    out = large.data();
  }
  const char* end = h1::write_request_head(out, request.method(), target, request.url().authority(),
                                           request.headers(), sending.framing);
  const auto size = static_cast<std::size_t>(end - out);
  const bool sends_content = upload_.has_content() && !upload_.is(Upload::State::awaiting_continue);
  if (sends_content && large.empty()) {
    begin_upload(size);
    return {};
  }
  if (auto written = output_.write({out, size}); !written) return written;
  if (sends_content || output_.has_pending()) begin_upload(0);
  return {};
}

void H1Exchange::begin_upload(std::size_t head) {
  upload_.begin(output_, pool_.reactor(), [this, head](Body& body, wire::BodyProgress& progress) {
    wire::H1Output::BodyOptions options;
    options.coding = coding_;
    options.stall = activity_timeout_;
    return output_.try_send(head, body, options, progress);
  });
}

// The upstream may have responded before it closed the connection. The body may itself come from an
// upstream, whose failure is not a failure to send.
bool H1Exchange::is_left_to_response(const Error& error) const noexcept {
  return error.side() == Side::upstream && error.phase() == Phase::send && !error.is_timeout();
}

void H1Exchange::on_upload_failed() noexcept {
  if (connection_) connection_->stream().interrupt_reader();
}

Delivery H1Exchange::delivery() const noexcept {
  if (progress_ != Progress::waiting) return Delivery::answered;
  const bool has_left = connection_->stream().bytes_out() != out_before_;
  return has_left ? Delivery::uncertain : Delivery::unsent;
}

// --- the response ------------------------------------------------------------------------------

void H1Exchange::begin(Request& request, HeldString* copy) {
  ONEHOP_DCHECK(connection_ && progress_ == Progress::waiting);
  const Headers& headers = request.headers();
  record_ = request.record();
  arena_ = HeaderWriter(request.headers()).arena();
  upload_.take(request, copy);
  client_ = request.connection().id;
  has_credentials_ = has_connection_credentials(headers);
  if (has_credentials_) connection_->reserve_for(client_);
  asked_upgrade_ = headers.has(field::upgrade);
  upload_.await_continue(request);
  if (const auto sent = send_head(request); !sent) {
    upload_.give_up();
    // Otherwise the next read shows why the upstream does not take the request.
    if (sent.error().side() == Side::local) wait_failure_ = sent.error();
  }
  if (record_) record_->request_sent = pool_.reactor().now();
}

Poll<Response> H1Exchange::try_response(const Request& request) {
  if (!parser_) parser_.emplace(pool_.parsers().take());
  auto response = take_responses(request);
  if (response) parser_.reset();
  return response;
}

// Takes the interim responses that have arrived, and the final one.
Poll<Response> H1Exchange::take_responses(const Request& request) {
  h1::HeadParser& parser = **parser_;
  for (;;) {
    const auto head = try_head(parser);
    if (!head) return std::nullopt;
    if (!*head) return failure(wait_error(head->error()));
    auto response = take_response(request, parser);
    if (!response) return response;
    const Status status = response->status();
    if (!status.is_informational() || status == Status::switching_protocols) {
      upload_.on_response();
      return response;
    }
    if (auto passed = pass_on(request, *response); !passed) return failure(passed.error());
    parser.reset();
  }
}

Poll<void> H1Exchange::try_head(h1::HeadParser& parser) {
  if (upload_.failure_of_source()) return failure(*upload_.failure_of_source());
  if (wait_failure_) return failure(*wait_failure_);
  const h1::Limits& limits = pool_.limits();
  const wire::HeadInput source(connection_->stream(), connection_->input(), parser, Side::upstream,
                               limits.max_start_line + limits.max_header_bytes);
  const auto read = wire::try_read_head(source);
  const bool has_bytes = parser.begun() || !connection_->input().empty();
  if (has_bytes && progress_ == Progress::waiting) progress_ = Progress::responding;
  return read;
}

net::Stream::Awaiter H1Exchange::wait_for_response() noexcept {
  const net::Time now = pool_.reactor().now();
  return connection_->stream().readable(upload_.wait_deadline(now));
}

void H1Exchange::on_wait(net::Wait wait) {
  if (wait != net::Wait::timed_out) return;
  const net::Time now = pool_.reactor().now();
  if (upload_.is(Upload::State::awaiting_continue)) {
    begin_upload(0);
  } else if (upload_.response_deadline(now) <= now) {
    wait_failure_ = Error(Errc::timed_out, Side::upstream).during(Phase::wait);
  }
}

// Returns the error of the exchange after reading a head has failed with `error`.
Error H1Exchange::wait_error(const Error& error) const {
  Error result = error;
  if (result.phase() == Phase::none) result.during(Phase::wait);
  if (result.is(Errc::closed) && progress_ != Progress::waiting) {
    result = Error(Errc::truncated, Side::upstream, "the connection ended inside the head")
                 .during(Phase::wait);
  }
  result.retry_safe(result.side() == Side::upstream && is_unprocessed(delivery()));
  return result;
}

Result<Response> H1Exchange::take_response(const Request& request, h1::HeadParser& parser) {
  wire::ReadBuffer& input = connection_->input();
  const Status status = parser.status();
  ArenaRef arena = HeaderLines(request.headers()).arena_or_none()
                       ? HeaderLines(request.headers()).arena_or_none()
                       : arena_;
  // An interim response is passed on at once, and its memory is freed with it.
  if (status.is_informational() && status != Status::switching_protocols) arena = Arena::create();
  Headers headers = parser.take_headers(input.view(), arena);
  input.consume(parser.size());
  Response response(status, std::move(headers));
  MessageAccess::set_received_reason(response, parser.reason());
  on_challenge(response);
  if (response.status() == Status::switching_protocols) {
    if (!asked_upgrade_) {
      return failure(Error(Errc::unexpected_upgrade, Side::upstream, "an unsolicited 101")
                         .during(Phase::wait));
    }
    if (!upload_.is_whole()) {
      return failure(
          Error(Errc::bad_response, Side::upstream, "a 101 before the end of the request")
              .during(Phase::wait));
    }
    const auto framing =
        response_framing(request.method(), response.status(), parser.version(), response.headers());
    if (!framing) {
      Error error = framing.error();
      return failure(error.during(Phase::wait));
    }
    return take_tunnel(std::move(response));
  }
  if (response.status().is_informational()) return response;
  return final_response(request, parser.version(), std::move(response));
}

// Reserves the connection for the client if the response is a challenge, after which the upstream
// may treat all requests on the connection as this client's.
void H1Exchange::on_challenge(const Response& response) {
  const bool challenges = has_connection_challenge(response.headers());
  if (challenges) connection_->reserve_for(client_);
  if (!connection_->is_reserved()) return;
  const int status = response.status().code();
  connection_->set_in_handshake(challenges && has_credentials_ && (status == 401 || status == 407));
}

Result<void> H1Exchange::pass_on(const Request& request, Response& response) {
  if (++informational_ > pool_.options().max_informational) {
    return failure(
        Error(Errc::bad_response, Side::upstream, "too many 1xx responses").during(Phase::wait));
  }
  request.send_informational(response);
  const bool goes_on =
      response.status() == Status::continue_ && upload_.is(Upload::State::awaiting_continue);
  if (goes_on) begin_upload(0);
  return {};
}

Result<Response> H1Exchange::final_response(const Request& request,
                                            Version version,
                                            Response response) {
  const Headers& headers = response.headers();
  const auto framing = response_framing(request.method(), response.status(), version, headers);
  if (!framing) {
    Error error = framing.error();
    return failure(error.during(Phase::wait));
  }
  if (record_) record_->response_began = pool_.reactor().now();
  ONEHOP_DCHECK(progress_ == Progress::responding);
  progress_ = Progress::responded;
  keep_alive_ = allows_reuse(version, headers) && framing->kind != BodyFraming::Kind::until_close;
  if (const auto hint = idle_hint(headers)) connection_->set_idle_hint(*hint);
  reader_.begin(*framing, pool_.limits(), arena_);
  may_be_silent_ = framing->kind == BodyFraming::Kind::chunked;
  if (is_event_stream(headers.get_or_empty(field::content_type))) {
    activity_timeout_ = net::Duration::max();  // silence is normal there
  }
  if (upload_.is(Upload::State::awaiting_continue)) {
    upload_.drop();  // the response came first, so the connection cannot be used again
  }
  return response;
}

Response H1Exchange::attach(Response response, std::unique_ptr<H1Exchange> exchange) {
  const bool has_more = !exchange->is_complete() && !response.tunnel();
  if (has_more) response.body() = Body::from(std::move(exchange));
  return response;
}

Response H1Exchange::take_tunnel(Response response) {
  ONEHOP_DCHECK(upload_.is_whole());
  HeldString early(connection_->input().view());
  if (record_) record_->response_began = pool_.reactor().now();
  upload_.cancel();
  connection_->input().release();
  response.set_tunnel(std::make_unique<UpgradedConnection>(std::move(connection_), std::move(early),
                                                           std::move(use_)));
  return response;
}

void H1Exchange::pool_ended() noexcept {
  upload_.cancel();
  upload_.drop_body();
  reader_.fail(Error(Errc::cancelled, Side::local, "the server has stopped"));
  connection_.reset();
}

Poll<bytes> H1Exchange::try_read(std::size_t max) {
  auto piece = reader_.try_read(max);
  if (!piece || *piece) return piece;
  Error error = piece->error();
  if (error.phase() == Phase::none) error.during(Phase::receive);
  return failure(std::move(error));
}

task<Result<bytes>> H1Exchange::read() {
  for (;;) {
    auto piece = try_read(wire::H1BodyReader::kOwnMemory);
    if (piece) co_return *piece;
    co_await wait();
  }
}

task<void> H1Exchange::wait() {
  if (!connection_) co_return;        // the next try_read() returns the error
  if (upload_.failure_of_source()) {  // it failed before the wait
    reader_.fail(*upload_.failure_of_source());
    co_return;
  }
  // A response without a length may pause for any time once it has begun: nothing is known about
  // the rest, and TCP keep-alive finds a backend that is gone.
  const bool may_pause = may_be_silent_ && reader_.received() > 0;
  const net::Duration timeout = may_pause ? net::Duration::max() : activity_timeout_;
  const net::Time now = pool_.reactor().now();
  const auto wait = co_await connection_->stream().readable(io::deadline_after(now, timeout));
  if (wait == net::Wait::timed_out) {
    if (!upload_.was_active(pool_.reactor().now(), activity_timeout_)) {
      reader_.fail(Error(Errc::timed_out, Side::upstream).during(Phase::receive));
    }
  } else if (wait == net::Wait::interrupted && upload_.failure_of_source()) {
    reader_.fail(*upload_.failure_of_source());
  }
}

}  // namespace onehop::transport
