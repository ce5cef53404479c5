// SPDX-License-Identifier: Apache-2.0
#include "server/h1_exchange.hpp"

#include "base/arena.hpp"
#include "base/check.hpp"
#include "base/exception_text.hpp"
#include "http/answer_framing.hpp"
#include "http/error_status.hpp"
#include "http/field_names.hpp"
#include "http/hop_by_hop.hpp"
#include "http/host.hpp"
#include "http/message_access.hpp"
#include "server/http_connection.hpp"
#include "server/request_facts.hpp"
#include "server/until_hangup.hpp"
#include "server/worker_context.hpp"
#include "wire/request_claim.hpp"
#include "wire/tunnel_relay.hpp"

#include <utility>

namespace onehop::server {

H1Exchange::H1Exchange(WorkerContext& worker,
                       const ConfigurationRef& configuration,
                       net::Stream& stream,
                       wire::ReadBuffer& input,
                       const HttpConnection& connection,
                       net::Time began)
    : worker_(worker),
      stream_(stream),
      input_(input),
      connection_(connection),
      served_(worker, configuration, connection, Arena::create(), began),
      content_(stream, input, *this, configuration->options().body_timeout),
      output_(stream, Side::client) {}

H1Exchange::~H1Exchange() {
  ExchangeRecord& record = served_.record();
  if (record.outcome == Outcome::aborted && !record.failure) {
    served_.on_unfinished(worker_.was_cut(), Errc::handler_failed, Side::local,
                          "an exception ended the exchange");
  }
  // Only a reset shows the reader of a close-delimited body that the body is incomplete.
  if (record.outcome != Outcome::complete && close_delimited_) stream_.abort();
  if (!record.upgraded) {
    record.request_body = content_.received();
    record.response_body = progress_.sent;
  }
  served_.finish();
}

// --- the request -------------------------------------------------------------------------------

Result<Request> H1Exchange::take_request(h1::HeadParser& parser) {
  Headers headers = parser.take_headers(input_.view(), served_.arena());
  input_.consume(parser.size());
  version_ = parser.version();
  keep_alive_ = allows_reuse(version_, headers);
  ExchangeRecord& record = served_.record();
  record.version = version_;
  record.head_received = stream_.reactor().now();
  served_.record_request(parser.method(), parser.target(), headers);
  served_.record_client(headers);

  const auto framing = request_framing(version_, headers);
  if (!framing) return failure(framing.error());
  if (auto host = check_host(version_, headers); !host) return failure(host.error());
  if (parser.method() == Method::connect) {
    return failure(Errc::unsupported_method, Side::client, "CONNECT is not supported");
  }
  auto url = Url::parse_target(parser.target());
  if (!url) return failure(url.error());
  if (url->is_absolute()) {
    // The target overrides Host, so that the upstream sees only one of them (RFC 9112 §3.2.2).
    headers.set(field::host, url->authority());
    record.host = headers.get_or_empty(field::host);
    url = target_for_server(*url, parser.method());
  }
  Request request(parser.method(), std::move(*url), std::move(headers));
  const auto expects_continue = served_.complete_request(request, version_, *framing, *this);
  if (!expects_continue) return failure(expects_continue.error());
  if (framing->has_content()) {
    request.set_body(Body::from(content_.begin(*framing, served_.limits(), served_.arena(),
                                               served_.options().max_body, *expects_continue)));
  }
  // The head is in the arena, so the next request of any connection can use the warm buffer.
  if (input_.empty()) input_.release();
  return request;
}

// --- the exchange ------------------------------------------------------------------------------

task<Next> H1Exchange::run(h1::HeadParser& parser) {
  using Watch = UntilHangup<Response>;
  using Hangup = net::Stream::Hangup;
  auto request = take_request(parser);
  if (!request) co_return co_await reject_malformed(request.error());
  if (const std::optional<Errc> why = reason_to_reject()) {
    co_return co_await reject_busy(*request, *why);
  }
  served_.promise_memory(wire::kRequestClaim + (connection_.info().tls ? wire::kTlsClaim : 0));
  std::optional<Response> response;
  try {
    task<Response> serving = served_.handler().serve(std::move(*request));
    bool finished = co_await Watch(stream_, serving, Watch::Begin::start, Hangup::any);
    while (!finished) {
      if (client_is_gone()) {
        served_.on_cut(Outcome::client_gone, why_gone().during(Phase::wait));
        co_return Next::close;  // destroys the task and the operation that it awaits
      }
      finished = co_await Watch(stream_, serving, Watch::Begin::go_on, Hangup::broken);
    }
    response = serving.take();
  } catch (...) {
    response = served_.exception_response(exception_text());
  }
  if (response->status() == Status::switching_protocols) co_return co_await tunnel(*response);
  served_.check_is_final(*response);
  Plan plan;
  auto sent = begin_response(*response, plan);
  if (!sent) {
    auto rest = co_await deliver_rest();
    sent = std::move(rest);
  }
  if (!*sent) {
    on_send_failed(sent->error());
    co_return Next::close;
  }
  served_.on_complete();
  const bool passes_on = content_.is_lent() && MessageAccess::passes_content_on(response->body());
  if (passes_on || !content_.is_settled()) co_await wait_until_settled(passes_on);
  response.reset();
  if (content_.at_end()) co_return next_after_whole_request(plan.close);
  co_return co_await settle_body(plan.close);
}

// Lingers if the client sent more: closing would then send a reset, which can destroy the response
// in flight (RFC 9112 §9.6). A client that has pipelined requests may send more of them.
Next H1Exchange::next_after_whole_request(bool close) {
  if (!close) return Next::keep_alive;
  return !input_.empty() || stream_.has_unread_now() ? Next::linger : Next::close;
}

Error H1Exchange::why_gone() const {
  Error error(Errc::client_gone, Side::client);
  if (!stream_.is_broken()) {
    error.with("it closed its sending side; half-close=serve allows that");
  }
  return error;
}

// Called after a hang-up. Reports whether the client has left.
bool H1Exchange::client_is_gone() {
  const bool serves = served_.options().half_close == HalfClose::serve;
  if (serves && !stream_.is_broken()) return false;
  return content_.client_is_gone();
}

void H1Exchange::send_informational(const Response& response) {
  if (!served_.may_send_informational() || version_ == Version::http_1_0) return;
  // The maximum number of bytes that the client has not read. Further responses are dropped.
  static constexpr std::size_t kMaxUnread = 64 * 1024;
  Headers headers = response.headers().clone();
  remove_hop_by_hop(headers);
  const std::size_t bound = h1::head_size_bound(headers, response.reason(), {});
  const std::span<char> memory = stream_.reactor().head_scratch();
  if (bound > memory.size() || output_.pending() + bound > kMaxUnread) return;
  // A dropped 100 does not count as sent: the client still waits, and may never send its content.
  if (response.status() == Status::continue_ && !content_.mark_continue_sent()) return;
  const char* end =
      h1::write_response_head(memory.data(), response.status(), response.reason(), headers, {}, {});
  output_.write_soon({memory.data(), static_cast<std::size_t>(end - memory.data())});
  served_.on_informational_sent();
}

task<Next> H1Exchange::reject_malformed(Error error) {
  Response response = served_.malformed_response(error);
  auto sent = co_await deliver(response, plan_to_close(response));
  if (!sent) co_return Next::close;
  served_.on_complete();
  co_return Next::linger;
}

std::optional<Errc> H1Exchange::reason_to_reject() {
  if (!served_.enter()) return Errc::too_many_requests;
  if (!worker_.admission().has_room_for_request(stream_.reactor().now())) return Errc::overloaded;
  return std::nullopt;
}

task<Next> H1Exchange::reject_busy(Request& request, Errc why) {
  Response response = served_.busy_response(request, why);
  request = Request();  // its content will not be read
  const Plan plan = why == Errc::overloaded ? plan_to_close(response) : this->plan(response);
  auto sent = co_await deliver(response, plan);
  if (!sent) {
    on_send_failed(sent.error());
    co_return Next::close;
  }
  served_.on_complete();
  if (content_.at_end()) co_return next_after_whole_request(plan.close);
  co_return co_await settle_body(plan.close);
}

// --- the response ------------------------------------------------------------------------------

// RFC 9112 §6.3 and §9.3, from the sender's side.
H1Exchange::Plan H1Exchange::plan(const Response& response) const {
  Plan plan;
  plan.close = !keep_alive_ || connection_.is_ending() || !content_.may_keep_connection() ||
               response.headers().has_token(field::connection, "close");
  const AnswerFraming answer = answer_framing(served_.method(), response);
  h1::HeadFraming& framing = plan.framing;
  framing.keep_content_length = answer.keeps_content_length;
  plan.has_body = answer.has_content();
  if (answer.length) {
    framing.body = BodyFraming::of_length(*answer.length);
  } else if (answer.has_content() && version_ == Version::http_1_0) {
    framing.body = BodyFraming::until_close();
    plan.close = true;
  } else if (answer.has_content()) {
    framing.body = BodyFraming::chunked();
    framing.trailer = response.headers().get_or_empty(field::trailer);
    plan.coding = wire::Coding::chunked;
  }
  if (version_ == Version::http_1_0) framing.persistence = h1::Persistence::keep_alive;
  if (plan.close) framing.persistence = h1::Persistence::close;
  return plan;
}

H1Exchange::Plan H1Exchange::plan_to_close(const Response& response) const {
  Plan plan = this->plan(response);
  plan.close = true;
  plan.framing.persistence = h1::Persistence::close;
  return plan;
}

// Writes the head into the reactor's head scratch memory and returns its size. Sends a larger head
// at once and returns 0. Either way the response has begun: no other head may follow.
Result<std::size_t> H1Exchange::write_head(const Response& response, const Plan& plan) {
  const Status status = response.status();
  const std::size_t bound =
      h1::head_size_bound(response.headers(), response.reason(), plan.framing) + 64;
  const std::span<char> memory = stream_.reactor().head_scratch();
  const std::string_view date = worker_.date();
  if (bound <= memory.size()) {
    const char* end = h1::write_response_head(memory.data(), status, response.reason(),
                                              response.headers(), plan.framing, date);
    served_.on_head_sent(status);
    return static_cast<std::size_t>(end - memory.data());
  }
  std::string text(bound, '\0');
  const char* end = h1::write_response_head(text.data(), status, response.reason(),
                                            response.headers(), plan.framing, date);
  served_.on_head_sent(status);
  auto written = output_.write({text.data(), static_cast<std::size_t>(end - text.data())});
  if (!written) return failure(written.error());
  return 0;
}

// Plans the response and begins to send it. A body source of the handler may throw when it is asked
// for its length. If no head was written by then, a 500 is sent instead.
Poll<void> H1Exchange::begin_response(Response& response, Plan& plan) {
  try {
    plan = this->plan(response);
    return try_deliver(response, plan);
  } catch (...) {
    if (served_.has_begun()) return failure(Errc::handler_failed, Side::local, exception_text());
    response = served_.exception_response(exception_text());
  }
  plan = this->plan(response);
  return try_deliver(response, plan);
}

// Sends as much as possible without waiting. Returns std::nullopt if more is left.
Poll<void> H1Exchange::try_deliver(Response& response, const Plan& plan) {
  ONEHOP_DCHECK(!served_.has_begun());  // a final head is written once
  const auto head = write_head(response, plan);
  if (!head) return failure(head.error());
  content_.response_begun();
  close_delimited_ = plan.framing.body.kind == BodyFraming::Kind::until_close;
  wire::H1Output::BodyOptions options;
  options.coding = plan.coding;
  options.flush_at_once = MessageAccess::flush_at_once(response);
  options.stall = served_.options().write_timeout;
  options.head_alone = !plan.has_body;
  const bool is_needed = plan.has_body || MessageAccess::passes_content_on(response.body());
  if (!is_needed) response.body() = Body();
  return output_.try_send(*head, response.body(), options, progress_);
}

// Sends the rest of the response while the client is there.
task<Result<void>> H1Exchange::deliver_rest() {
  using Watch = UntilHangup<Result<void>>;
  using Hangup = net::Stream::Hangup;
  try {
    task<Result<void>> sending = output_.send_rest();
    bool finished = co_await Watch(stream_, sending, Watch::Begin::start, Hangup::any);
    while (!finished) {
      if (client_is_gone()) co_return failure(why_gone());
      finished = co_await Watch(stream_, sending, Watch::Begin::go_on, Hangup::broken);
    }
    co_return sending.take();
  } catch (...) {  // from a body source of the handler
    co_return failure(Errc::handler_failed, Side::local, exception_text());
  }
}

task<Result<void>> H1Exchange::deliver(Response& response, Plan plan) {
  auto sent = try_deliver(response, plan);
  if (sent) co_return std::move(*sent);
  co_return co_await deliver_rest();
}

void H1Exchange::on_send_failed(const Error& why) {
  const bool gone = why.is(Errc::client_gone);
  Error error = why;
  if (error.phase() == Phase::none) error.during(gone ? Phase::deliver : Phase::receive);
  served_.on_cut(gone ? Outcome::client_gone : Outcome::aborted, error);
}

// Waits, after an early response, until the upload has ended. The upstream or the client may stop
// it. Once the client has sent all of it, the client may leave, even if some is still unread.
task<void> H1Exchange::wait_until_settled(bool passes_on) {
  using Watch = UntilHangup<void>;
  constexpr auto kUntil = net::Stream::Hangup::failed;
  content_.response_complete();
  {  // only one task at a time may wait for the content
    task<void> settling = content_.until_settled();
    auto begin = Watch::Begin::start;
    while (!co_await Watch(stream_, settling, begin, kUntil) && !stream_.has_failed())
      begin = Watch::Begin::go_on;
  }
  if (passes_on && content_.at_end()) co_await content_.until_dropped();
}

// Called when the response is out and the request will not be read any more.
task<Next> H1Exchange::settle_body(bool close) {
  if (close) co_return Next::linger;
  const H1Content::Rest rest = co_await content_.drop_rest();
  switch (rest) {
    case H1Content::Rest::dropped:
      co_return Next::keep_alive;
    case H1Content::Rest::too_large:
      co_return Next::linger;
    case H1Content::Rest::failed:
      break;
  }
  co_return Next::close;
}

task<Next> H1Exchange::tunnel(Response& response) {
  const std::unique_ptr<Tunnel> far = response.take_tunnel();
  Plan plan;
  plan.framing.persistence = h1::Persistence::upgrade;
  plan.framing.upgrade = response.headers().get_or_empty(field::upgrade);
  const char* problem = nullptr;
  if (!far || plan.framing.upgrade.empty()) {
    problem = "a 101 without a tunnel or an Upgrade field";
  } else if (!content_.at_end()) {  // the rest would be taken for the tunnel's
    problem = "a 101 before the content of the request was read";
  }
  if (problem) {
    Response refusal = served_.exception_response(problem);
    auto refused = co_await deliver(refusal, plan_to_close(refusal));
    if (!refused) co_return Next::close;
    served_.on_complete();
    if (content_.at_end()) co_return next_after_whole_request(true);
    co_return Next::linger;
  }
  auto sent = co_await deliver(response, plan);
  if (!sent) {
    on_send_failed(sent.error());
    co_return Next::close;
  }
  ONEHOP_DCHECK(content_.at_end());  // the following bytes are the tunnel's
  served_.on_tunnel();
  content_.take_back();
  HeldString early(input_.view());
  input_.release();
  struct Relayed : wire::RelayState {
    void end_silent() {
      end(Error(Errc::cancelled, Side::local, kSilentTunnel).during(Phase::tunnel));
    }
  } state;
  state.last_activity = stream_.reactor().now();
  const TunnelWatch watch(worker_.tunnels(), state, served_.record(),
                          io::call<&Relayed::end_silent>(&state));
  auto relayed = co_await wire::relay(stream_, std::move(early), *far, state);
  if (relayed) {
    served_.on_complete();
  } else {
    const bool gone = relayed.error().side() == Side::client;
    if (relayed.error().is(Errc::cancelled)) stream_.close_write();
    served_.on_cut(gone ? Outcome::client_gone : Outcome::aborted, relayed.error());
  }
  co_return Next::close;
}

}  // namespace onehop::server
