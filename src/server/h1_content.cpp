// SPDX-License-Identifier: Apache-2.0
#include "server/h1_content.hpp"

#include "base/check.hpp"

#include <utility>

namespace onehop::server {
namespace {

// Unread content of up to this size is read and dropped, to keep the connection.
constexpr std::uint64_t kSmallRest = 256 * 1024;
constexpr net::Duration kDropTimeout = std::chrono::seconds(5);

}  // namespace

H1Content::H1Content(net::Stream& stream,
                     wire::ReadBuffer& input,
                     Owner& owner,
                     net::Duration timeout) noexcept
    : stream_(stream),
      input_(input),
      owner_(owner),
      timeout_(timeout),
      reader_(stream, input, Side::client),
      readable_(stream, net::Stream::Waiter::For::reading, io::call<&H1Content::on_readable>(this)),
      settled_(stream.reactor()) {}

std::unique_ptr<RequestBody> H1Content::begin(const BodyFraming& framing,
                                              const h1::Limits& trailer_limits,
                                              ArenaRef arena,
                                              std::uint64_t max_body,
                                              bool expects_continue) {
  reader_.begin(framing, trailer_limits, std::move(arena));
  reader_.set_limit(max_body);
  if (expects_continue) continue_ = Continue::awaited;
  // Many clients write head and body separately. A read without a wait saves a turn and a write.
  if (input_.empty() && !expects_continue) stream_.hint_more_input();
  return lend(stream_.reactor(), reader_.length());
}

// --- the handler reads -------------------------------------------------------------------------

Poll<bytes> H1Content::read_body(std::size_t max) {
  auto piece = reader_.try_read(max);
  if (!piece) return piece;
  if (is_settled()) settled_.set();
  // While there was content to read, a client that had closed did not count as gone.
  if (at_end()) stream_.recheck_hangup();
  return piece;
}

void H1Content::begin_body_wait() {
  // A reader wants the content, so a client that waits for a 100 gets one.
  if (awaits_continue() && input_.empty()) owner_.send_continue();
  wait_for_client();
}

void H1Content::wait_for_client() {
  const net::Time now = stream_.reactor().now();
  ONEHOP_DCHECK(is_lent());  // its reader is the only one of the connection
  readable_.wait(is_timed_ ? io::deadline_after(now, timeout_) : io::kNever);
}

void H1Content::end_body_wait() noexcept {
  readable_.cancel();
}

void H1Content::on_readable() {
  if (readable_.result() == net::Wait::timed_out) {
    if (!is_timed_) return wait_for_client();
    reader_.fail(Error(Errc::timed_out, Side::client, "no byte of the body arrived"));
    settled_.set();
  }
  wake_reader();
}

void H1Content::on_body_dropped() noexcept {
  readable_.cancel();
  settled_.set();
  stream_.recheck_hangup();
}

// --- the exchange ends -------------------------------------------------------------------------

void H1Content::response_complete() {
  is_timed_ = true;
  if (!readable_.is_waiting()) return;
  readable_.cancel();
  wait_for_client();
}

task<void> H1Content::until_settled() {
  while (!is_settled())
    co_await wait_for_change();
}

task<void> H1Content::until_dropped() {
  while (is_lent() && !reader_.has_failed())
    co_await wait_for_change();
}

// Takes the body back if nothing happens within the timeout. A reader that waits for the client
// keeps it, since that wait has a deadline of its own.
task<void> H1Content::wait_for_change() {
  const std::uint64_t before = received();
  const net::Time deadline = io::deadline_after(stream_.reactor().now(), timeout_);
  const bool is_changed = co_await settled_.wait(deadline);
  if (!is_changed && received() == before && !readable_.is_waiting()) take_back();
}

bool H1Content::client_is_gone() {
  if (stream_.is_broken()) return true;
  // If the client has not sent all of its content, the reader of the content reports that.
  if (!is_settled()) return false;
  if (!at_end()) return true;
  // A client that half-closed after pipelined requests still wants their responses.
  return input_.empty() && !input_.fill(stream_, io::BufferPool::kSize).has_bytes();
}

bool H1Content::rest_is_small() const noexcept {
  if (at_end()) return true;
  if (reader_.has_failed() || awaits_continue()) return false;
  const auto left = reader_.left();
  return left && *left <= kSmallRest;
}

bool H1Content::may_keep_connection() const noexcept {
  if (at_end()) return true;
  if (reader_.has_failed() || (awaits_continue() && received() == 0)) return false;
  return is_lent() || rest_is_small();
}

task<H1Content::Rest> H1Content::drop_rest() {
  take_back();
  ONEHOP_DCHECK(!readable_.is_waiting());
  if (!rest_is_small()) co_return Rest::too_large;
  const net::Time deadline = io::deadline_after(stream_.reactor().now(), kDropTimeout);
  for (;;) {
    const auto piece = reader_.try_read(wire::H1BodyReader::kOwnMemory);
    if (piece && !*piece) co_return Rest::failed;
    if (at_end()) co_return Rest::dropped;
    if (piece) continue;
    const auto wait = co_await stream_.readable(deadline);
    if (wait != net::Wait::ready) co_return Rest::failed;
  }
}

}  // namespace onehop::server
