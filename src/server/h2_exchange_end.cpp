// SPDX-License-Identifier: Apache-2.0
//
// The functions that end an H2Exchange: in order, by its client, or by a deadline.
#include "base/check.hpp"
#include "server/h2_exchange.hpp"
#include "server/worker_context.hpp"

#include <algorithm>

namespace onehop::server {
namespace {

// A client that reads fewer bytes than this in write_timeout, such as one that opens its window
// byte by byte, makes no progress.
constexpr std::uint64_t kMinProgress = 1024;

// Other codes are about the connection, or are those of the server's own resets.
bool is_about_the_message(h2::ErrorCode code) {
  return code == h2::ErrorCode::internal_error || code == h2::ErrorCode::enhance_your_calm;
}

}  // namespace

H2Exchange::~H2Exchange() {
  const bool is_whole = has_sent_end() && !has_tunnel();
  running_ = {};
  content_.take_back();
  ExchangeRecord& record = served_.record();
  record.request_body = received();
  record.response_body = sent();
  if (!served_.is_cut()) {
    if (is_whole) {
      served_.on_complete();
    } else {
      const bool was_stopped = worker_.was_cut() && !is_closed();
      served_.on_cut(was_stopped ? Outcome::aborted : Outcome::client_gone);
      served_.on_unfinished(was_stopped, Errc::client_gone, Side::client, "");
    }
  }
  served_.finish();
}

// Keeps an early response alive until its source has passed the request's content on. The client
// may leave earlier, once it has sent all of it.
task<void> H2Exchange::pass_on_rest() {
  passes_on_ = true;
  co_await content_.until_dropped();
  passes_on_ = false;
  settle();
  if (is_closed()) worker_.reactor().schedule(over_);
}

// If the response is out and the rest of the request will not be read, resets the stream with
// NO_ERROR (RFC 9113 §8.1).
void H2Exchange::settle() {
  if (!has_sent_end() || has_ended() || content_.is_lent() || tunnel_ || !is_open()) return;
  drop_content();
  reset(h2::ErrorCode::no_error);
  link_.flush_soon();
}

void H2Exchange::on_closed() {
  if (!begun_) {
    if (const h2::FieldSection* head = incomplete_head()) record_head(*head);
  }
  if (problem() == kMemoryIsShort) {
    served_.record_failure(Error(Errc::overloaded, Side::local, problem()).during(Phase::head));
  } else if (problem() || (!begun_ && !has_head())) {
    const char* const what = problem() ? problem() : "the head is incomplete";
    served_.record_failure(
        Error(Errc::bad_request, Side::client, what).during(begun_ ? Phase::send : Phase::head));
  }
  if (send_problem()) {
    served_.record_failure(
        Error(Errc::limit_exceeded, Side::local, send_problem()).during(Phase::deliver));
  }
  const bool is_sent = has_sent_end() && !served_.record().upgraded;
  if (problem() || send_problem()) {
    if (!is_sent) served_.on_cut(Outcome::aborted);
  } else if (!served_.is_cut() && !has_sent_end() && is_about_the_message(close_code())) {
    // Recorded before anything is cancelled, so that the upstream gets the same code.
    served_.record_failure(h2::stream_reset(close_code(), Side::client).during(served_.phase()));
  }
  if (!outlives_stream()) owner_.exchange_ended();
}

bool H2Exchange::outlives_stream() const noexcept {
  return is_closed() && is_passing_on() && !served_.is_cut() && has_ended() &&
         close_code() == h2::ErrorCode::no_error;
}

void H2Exchange::on_over() {
  ONEHOP_DCHECK(is_closed() && !is_passing_on());
  wire::H2Link& link = link_;
  owner_.exchange_ended();
  link.flush_soon();
}

// Returns the deadline for the head. A drain shortens it.
net::Time H2Exchange::end_of_head(net::Duration timeout) const noexcept {
  const net::Time began = served_.record().began;
  const net::Time last = io::deadline_after(began, timeout);
  return worker_.is_draining() ? std::min(last, worker_.drain_state().end_of_rest(began)) : last;
}

void H2Exchange::watch(net::Time now) {
  const Server::Options& options = served_.options();
  if (!begun_ && end_of_head(options.header_timeout) <= now) {
    served_.on_cut(
        Outcome::client_gone,
        Error(Errc::timed_out, Side::client, "the head is incomplete").during(Phase::head));
    return owner_.head_timed_out();
  }
  if (link_.is_blocked()) stalled_since_ = now;  // the link has a deadline of its own
  content_.watch(now, options.body_timeout, timed());
  settle();
  const bool is_idle = unsent() == 0 && !owes_end();
  if (is_idle || sent() - sent_before_ >= kMinProgress) {
    stalled_since_ = now;
    sent_before_ = sent();
    return;
  }
  if (io::deadline_after(stalled_since_, options.write_timeout) > now) return;
  give_up(Error(Errc::timed_out, Side::client, "no progress in writing").during(Phase::deliver));
}

}  // namespace onehop::server
