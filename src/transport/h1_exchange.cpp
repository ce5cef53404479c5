// SPDX-License-Identifier: Apache-2.0
#include "transport/h1_exchange.hpp"

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "base/exception_text.hpp"
#include "http/connection_authentication.hpp"
#include "http/content_by_habit.hpp"
#include "http/field_names.hpp"
#include "http/media_type.hpp"
#include "http/message_framing.hpp"
#include "transport/replayed_body.hpp"
#include "wire/head_reader.hpp"
#include "wire/tunnel_relay.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace onehop::transport {
namespace {

constexpr net::Duration kLongestIdleHint = std::chrono::seconds(60);

// Keep-Alive: timeout=N. A second less, so that we are the ones who close.
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

// Its connection is one of those that max_connections allows, as long as it lasts.
class UpgradedConnection final : public wire::StreamTunnel {
 public:
  UpgradedConnection(std::unique_ptr<H1Connection> connection, HeldString early)
      : StreamTunnel(connection->take_stream(), std::move(early)),
        connection_(std::move(connection)) {}

 private:
  std::unique_ptr<H1Connection> connection_;
};

}  // namespace

H1Exchange::H1Exchange(std::unique_ptr<H1Connection> connection)
    : connection_(std::move(connection)),
      pool_(connection_->pool()),
      output_(connection_->stream(), Side::upstream),
      reader_(connection_->stream(), connection_->input(), Side::upstream),
      began_(pool_.reactor().now()),
      out_before_(connection_->stream().bytes_out()),
      activity_timeout_(pool_.options().activity_timeout) {
  pool_.add(*this);
}

H1Exchange::~H1Exchange() {
  uploading_ = {};
  if (!connection_) return;
  if (!is_reusable()) {
    // What counts as unsent, and may be on its way over another connection, shall not leave as this
    // one closes.
    if (output_.has_pending() && delivery() == Delivery::unsent) connection_->stream().abort();
    return;
  }
  connection_->count_exchange();
  H1Connection::Owner& owner = connection_->owner();
  owner.give_back(std::move(connection_));
}

// Both messages complete, both sides willing, and nothing said that nobody asked for.
bool H1Exchange::is_reusable() {
  return keep_alive_ && is_complete() && !upload_broken_ && !upload_failure_ &&
         !output_.has_pending() && connection_->input().empty() &&
         !connection_->stream().is_hung_up();
}

// --- the request -------------------------------------------------------------------------------

H1Exchange::Sending H1Exchange::plan(const Request& request) const {
  Sending sending;
  h1::HeadFraming& framing = sending.framing;
  const auto length = upload_body_.length();
  if (!length) {
    framing.body = BodyFraming::chunked();
    framing.trailer = request.headers().get_or_empty(field::trailer);
    sending.coding = wire::Coding::chunked;
  } else if (*length > 0 || has_content_by_habit(request.method())) {
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
  const bool has_content = upload_body_.source() != nullptr;
  if (has_content && !waits_for_continue_ && large.empty()) {
    begin_upload(size);
    return {};
  }
  if (auto written = output_.write({out, size}); !written) return written;
  if ((has_content && !waits_for_continue_) || output_.has_pending()) begin_upload(0);
  return {};
}

void H1Exchange::begin_upload(std::size_t head) {
  waits_for_continue_ = false;
  upload_ended_ = false;
  wire::H1Output::BodyOptions options;
  options.coding = coding_;
  options.stall = activity_timeout_;
  const auto sent = output_.try_send(head, upload_body_, options, progress_);
  if (sent) {
    end_upload(*sent);
    return;
  }
  uploading_ = upload_rest();
  uploading_.start();
}

// Out of upload_rest(): there was no memory to say what had failed.
void H1Exchange::on_exception() noexcept {
  upload_ended_ = upload_broken_ = true;
  upload_failure_ = Error(Errc::handler_failed, Side::local);
  if (connection_) connection_->stream().interrupt_reader();
}

RootTask<H1Exchange> H1Exchange::upload_rest() {
  Result<void> sent;
  try {
    sent = co_await output_.send_rest();
  } catch (...) {  // a body of the caller's own
    sent = failure(Errc::handler_failed, Side::local, exception_text());
  }
  end_upload(sent);
}

void H1Exchange::end_upload(const Result<void>& sent) {
  upload_ended_ = true;
  progress_.last = pool_.reactor().now();
  if (sent) {
    sent_all_ = true;
    return;
  }
  upload_broken_ = true;
  // Behind an answer nobody will ask for the rest, and the client's connection waits to be told.
  if (got_bytes_) upload_body_ = Body();
  // A body that comes from an upstream itself can fail, too; that is not in writing.
  const bool upstream_closed = sent.error().side() == Side::upstream &&
                               sent.error().phase() == Phase::send && !sent.error().is_timeout();
  // It may have answered before it closed: the response counts, if there is one.
  if (upstream_closed) return;
  upload_failure_ = sent.error();
  if (upload_failure_->phase() == Phase::none) upload_failure_->during(Phase::send);
  connection_->stream().interrupt_reader();
}

Delivery H1Exchange::delivery() const noexcept {
  if (got_bytes_) return Delivery::answered;
  const bool has_left = connection_->stream().bytes_out() != out_before_;
  return has_left ? Delivery::uncertain : Delivery::unsent;
}

std::optional<Body> H1Exchange::take_body_back(HeldString copy) {
  uploading_ = {};
  if (upload_failure_) return std::nullopt;  // a body that has failed has no rest
  return take_back(progress_, std::move(copy), std::move(upload_body_), sent_all_);
}

// --- the response ------------------------------------------------------------------------------

void H1Exchange::begin(Request& request, HeldString* copy) {
  const Headers& headers = request.headers();
  record_ = request.record();
  arena_ = request.headers().arena();
  upload_body_ = std::move(request.body());
  client_ = request.connection().id;
  has_credentials_ = has_connection_credentials(headers);
  if (has_credentials_) connection_->reserve_for(client_);
  asked_upgrade_ = headers.has(field::upgrade);
  waits_for_continue_ = upload_body_.source() && headers.has(field::expect) &&
                        pool_.options().expect_continue_timeout > net::Duration::zero();
  progress_.copy = copy;
  progress_.copy_limit = pool_.options().replay_body;
  // A failure to write is told by what is read, or not read, next.
  const auto sent = send_head(request);
  if (!sent) upload_broken_ = true;
  if (record_) record_->request_sent = pool_.reactor().now();
}

std::optional<Result<Response>> H1Exchange::try_response(const Request& request,
                                                         h1::HeadParser& parser) {
  for (;;) {
    const auto head = try_head(parser);
    if (!head) return std::nullopt;
    if (!*head) return failure(wait_error(head->error()));
    auto response = take_response(request, parser);
    if (!response) return response;
    const Status status = response->status();
    if (!status.is_informational() || status == Status::switching_protocols) {
      progress_.copy = nullptr;  // it is the caller's, and there will be no retry any more
      return response;
    }
    if (auto passed = pass_on(request, *response); !passed) return failure(passed.error());
    parser.reset();
  }
}

std::optional<Result<void>> H1Exchange::try_head(h1::HeadParser& parser) {
  if (upload_failure_) return failure(*upload_failure_);
  if (wait_failure_) return failure(*wait_failure_);
  const h1::Limits& limits = pool_.limits();
  const wire::HeadInput source(connection_->stream(), connection_->input(), parser, Side::upstream,
                               limits.max_start_line + limits.max_header_bytes);
  const auto read = wire::try_read_head(source);
  got_bytes_ = got_bytes_ || parser.begun() || !connection_->input().empty();
  return read;
}

// To the head's end: until response_timeout after the last sign of life of the request. An upload
// that waits for its own source is alive: how long that may take is up to the source, which for a
// client's request is body_timeout.
net::Time H1Exchange::head_deadline() const noexcept {
  const bool waits_for_source = !upload_ended_ && output_.waits_for_source();
  const net::Time since =
      waits_for_source ? pool_.reactor().now() : std::max(began_, progress_.last);
  return io::deadline_after(since, pool_.options().response_timeout);
}

net::Stream::Awaiter H1Exchange::wait_for_response() noexcept {
  net::Time deadline = head_deadline();
  if (waits_for_continue_) {
    deadline =
        std::min(deadline, io::deadline_after(began_, pool_.options().expect_continue_timeout));
  }
  return connection_->stream().readable(deadline);
}

void H1Exchange::on_wait(net::Wait wait) {
  if (wait != net::Wait::timed_out) return;
  if (waits_for_continue_) {
    begin_upload(0);
  } else if (head_deadline() <= pool_.reactor().now()) {
    wait_failure_ = Error(Errc::timed_out, Side::upstream).during(Phase::wait);
  }
}

// The end of the connection where a response should be.
Error H1Exchange::wait_error(const Error& error) const {
  Error told = error;
  if (told.phase() == Phase::none) told.during(Phase::wait);
  if (told.is(Errc::closed) && got_bytes_) {
    told = Error(Errc::truncated, Side::upstream, "the connection ended inside the head")
               .during(Phase::wait);
  }
  told.retry_safe(told.side() == Side::upstream && is_unprocessed(delivery()));
  return told;
}

Result<Response> H1Exchange::take_response(const Request& request, h1::HeadParser& parser) {
  wire::ReadBuffer& input = connection_->input();
  const Status status = parser.status();
  ArenaRef arena = request.headers().arena_or_none() ? request.headers().arena_or_none() : arena_;
  // An interim response is passed on at once, and its memory goes with it.
  if (status.is_informational() && status != Status::switching_protocols) arena = Arena::create();
  Headers headers = parser.take_headers(input.view(), arena);
  input.consume(parser.size());
  Response response(status, std::move(headers));
  response.set_received_reason(parser.reason());
  on_challenge(response);
  if (response.status() == Status::switching_protocols) {
    if (!asked_upgrade_) {
      return failure(Error(Errc::unexpected_upgrade, Side::upstream, "a 101 nobody asked for")
                         .during(Phase::wait));
    }
    if (!is_request_whole()) {
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

// What comes on the connection next may count as this client's, or soon will.
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
  if (response.status() == Status::continue_ && waits_for_continue_) {
    request.informational(response);
    begin_upload(0);
    return {};
  }
  request.informational(response);
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
  keep_alive_ = allows_reuse(version, headers) && framing->kind != BodyFraming::Kind::until_close;
  if (const auto hint = idle_hint(headers)) connection_->set_idle_hint(*hint);
  reader_.begin(*framing, pool_.limits(), arena_);
  may_be_silent_ = framing->kind == BodyFraming::Kind::chunked;
  if (is_event_stream(headers.get_or_empty(field::content_type))) {
    activity_timeout_ = net::Duration::max();  // silence is normal there
  }
  if (waits_for_continue_) {
    // Answered without the content: it is not sent, so the connection cannot be used again.
    waits_for_continue_ = false;
    upload_broken_ = true;
    upload_body_ = Body();
  } else if (upload_broken_) {
    upload_body_ = Body();
  }
  return response;
}

Response H1Exchange::take_tunnel(Response response) {
  HeldString early(connection_->input().view());
  if (record_) record_->response_began = pool_.reactor().now();
  uploading_ = {};
  connection_->input().release();
  response.set_tunnel(
      std::make_unique<UpgradedConnection>(std::move(connection_), std::move(early)));
  return response;
}

void H1Exchange::pool_ended() noexcept {
  uploading_ = {};
  upload_body_ = Body();
  reader_.fail(Error(Errc::cancelled, Side::local, "the server has stopped"));
  connection_.reset();
}

std::optional<Result<bytes>> H1Exchange::try_read(std::size_t most) {
  auto piece = reader_.try_read(most);
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
  if (!connection_) co_return;  // the next try_read() says why
  if (upload_failure_) {        // it came while nobody waited here
    reader_.fail(*upload_failure_);
    co_return;
  }
  // A stream without a length that has begun may pause as it likes: what it will send is not known,
  // and TCP's keep-alive finds a backend that is gone.
  const bool may_pause = may_be_silent_ && reader_.received() > 0;
  const net::Duration timeout = may_pause ? net::Duration::max() : activity_timeout_;
  const net::Time now = pool_.reactor().now();
  const auto wait = co_await connection_->stream().readable(io::deadline_after(now, timeout));
  if (wait == net::Wait::timed_out) {
    const bool still_sending =
        !upload_ended_ &&
        io::deadline_after(progress_.last, activity_timeout_) > pool_.reactor().now();
    if (!still_sending) {
      reader_.fail(Error(Errc::timed_out, Side::upstream).during(Phase::receive));
    }
  } else if (wait == net::Wait::interrupted && upload_failure_) {
    reader_.fail(*upload_failure_);
  }
}

}  // namespace onehop::transport
