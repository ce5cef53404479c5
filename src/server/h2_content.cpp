// SPDX-License-Identifier: Apache-2.0
#include "server/h2_content.hpp"

#include <chrono>
#include <utility>

namespace onehop::server {
namespace {

constexpr net::Duration kPatienceForEnd = std::chrono::milliseconds(10);

bool usually_has_no_content(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "DELETE" ||
         method == "TRACE";
}

}  // namespace

bool H2Content::may_end_soon() const noexcept {
  if (stream_.has_ended() || stream_.has_piece()) return false;
  const h2::FieldSection* const head = stream_.incomplete_head();
  return head && usually_has_no_content(head->method()) && !head->content_length();
}

task<void> H2Content::wait_for_end() {
  ONEHOP_DCHECK(!is_lent());
  waits_for_end_ = true;
  co_await changed_.wait(link_.reactor().now() + kPatienceForEnd);
  waits_for_end_ = false;
}

std::unique_ptr<RequestBody> H2Content::begin(std::optional<std::uint64_t> length,
                                              std::uint64_t max_body,
                                              bool expects_continue) {
  max_body_ = max_body;
  expects_continue_ = expects_continue;
  active_ = link_.reactor().now();
  return lend(link_.reactor(), length);
}

void H2Content::on_event() noexcept {
  if (!is_awaited_ && !waits_for_end_) return;
  if (!stream_.has_piece() && !stream_.has_ended() && !stream_.is_closed()) return;
  wake_reader();
  if (waits_for_end_) changed_.set();
}

void H2Content::watch(net::Time now, net::Duration timeout, Timed timed) {
  const bool counts = timed == Timed::all ? is_lent() : timed == Timed::client && is_awaited_;
  if (!counts) {
    active_ = now;
  } else if (io::deadline_after(active_, timeout) > now) {
    return;
  } else if (is_awaited_) {
    failure_ = Error(Errc::timed_out, Side::client, "no byte of the body arrived");
    wake_reader();
  } else {
    take_back();
    changed_.set();
  }
}

task<void> H2Content::until_dropped() {
  while (is_lent())
    co_await changed_.wait();
}

Result<bytes> H2Content::fail(Error error) {
  failure_ = std::move(error);
  return failure(*failure_);
}

Poll<bytes> H2Content::read_body(std::size_t max) {
  if (failure_) return failure(*failure_);
  const std::string_view piece = stream_.take_piece(max > 0 ? max : std::string_view::npos);
  link_.flush_soon();  // the client may have more room in its window
  active_ = link_.reactor().now();
  if (stream_.received() > max_body_) {
    stream_.drop_content();
    return fail(Error(Errc::body_too_large, Side::client));
  }
  if (!piece.empty()) return bytes(piece);
  if (!stream_.at_end()) {
    if (stream_.is_closed()) return failure(Errc::client_gone, Side::client);
    return std::nullopt;
  }
  if (std::exchange(trailers_taken_, true)) return bytes();
  if (auto section = stream_.take_trailers()) {
    auto trailers = section->take_trailers();
    if (!trailers) return fail(trailers.error());
    trailers_ = std::move(*trailers);
  }
  return bytes();
}

void H2Content::begin_body_wait() {
  // A reader wants the content, so a client that waits for a 100 gets one.
  if (expects_continue_ && stream_.received() == 0) owner_.send_continue();
  active_ = link_.reactor().now();
  is_awaited_ = true;
}

}  // namespace onehop::server
