// SPDX-License-Identifier: Apache-2.0
#include "net/tls_stream.hpp"

#include "base/c_callback.hpp"
#include "base/check.hpp"
#include "net/tls_reason.hpp"
#include "net/tls_records.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace onehop::net {
namespace {

// The peer can make this side send (key updates). If more bytes than this are unsent, reading
// pauses. A blocked write alone has at most TlsOutbox::kRecords records there.
constexpr std::size_t kMaxUnsent = std::size_t{256} * 1024;

// Most clients send a request right after the handshake, and the session tickets leave with the
// response. Without one, they leave after this delay.
constexpr Duration kTicketDelay = std::chrono::milliseconds(5);

// A method or the preface of HTTP begins with a capital letter; a TLS record never does.
bool looks_like_http(char byte) noexcept {
  return byte >= 'A' && byte <= 'Z';
}

}  // namespace

// --- the inner stream as OpenSSL sees it -------------------------------------------------------

const BIO_METHOD* TlsStream::bio_method() {
  static const auto* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "onehop stream");
    BIO_meth_set_write(made, &CCallback<&TlsStream::on_bio_write, -1>::call);
    BIO_meth_set_read(made, &CCallback<&TlsStream::on_bio_read, -1>::call);
    BIO_meth_set_ctrl(made, &TlsStream::on_bio_control);
    return made;
  }();
  return method;
}

// Accepts all bytes. try_write() limits their number.
int TlsStream::on_bio_write(BIO* bio, const char* data, int size) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  TlsOutbox& box = TlsOutbox::of_thread();
  const auto count = static_cast<std::size_t>(size);
  if (count > box.memory.size() - box.size) {
    stream.unsent_.append(box.memory.data(), std::exchange(box.size, 0));
  }
  if (count > box.memory.size()) {
    stream.unsent_.append(data, count);
  } else {
    std::memcpy(box.memory.data() + box.size, data, count);
    box.size += count;
  }
  BIO_clear_retry_flags(bio);
  return size;
}

int TlsStream::on_bio_read(BIO* bio, char* data, int size) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (stream.is_over()) return 0;
  const IoResult got = stream.inner_->try_read(data, static_cast<std::size_t>(size));
  if (got.has_bytes()) {
    stream.input_ = Input::data;
    if (stream.beginning_ == Beginning::none) {
      const bool is_http = stream.is_server() && looks_like_http(data[0]);
      stream.beginning_ = is_http ? Beginning::plain_http : Beginning::tls;
    }
    return static_cast<int>(got.count());
  }
  if (got.is_wait()) {
    stream.input_ = Input::nothing;
    BIO_set_retry_read(bio);
    return -1;
  }
  stream.input_ = got.is_end() ? Input::end : Input::error;
  stream.read_error_ = got.error();
  return got.is_end() ? 0 : -1;
}

long TlsStream::on_bio_control(BIO* bio, int command, long, void*) {
  const auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return stream.input_ == Input::end ? 1 : 0;
  return 0;
}

// One call of OpenSSL reads until a record with data arrives, and OpenSSL has no option to stop it
// earlier. Marking the connection as closed by the peer makes it return before the next record.
void TlsStream::on_message(
    int sent, int, int type, const void*, std::size_t, SSL* ssl, void* self) noexcept {
  if (sent != 0 || type != SSL3_RT_HEADER) return;
  TlsRecordBudget& budget = static_cast<TlsStream*>(self)->budget_;
  budget.count_record();
  if (budget.is_exceeded()) SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);
}

TlsStream::~TlsStream() {
  if (inner_ && !inner_->is_broken()) close_write();
  // Otherwise OpenSSL marks the session as not resumable.
  SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  count_released(kOpenSslHolds);
}

bool TlsStream::keep_session(SSL_SESSION* session) {
  if (!sessions_) return false;
  sessions_->put(session);
  return true;
}

// --- reading -----------------------------------------------------------------------------------

IoResult TlsStream::try_read(char* data, std::size_t size) {
  std::size_t total = 0;
  while (total < size && is_readable() && !is_over()) {
    const int got = read_records(data + total, size - total, false);
    if (got <= 0) {
      on_no_data(got);
      break;
    }
    total += static_cast<std::size_t>(got);
    move_to(SSL_has_pending(ssl_.get()) == 0 ? Records::drained : Records::held);
  }
  if (TlsOutbox::of_thread().size > 0) flush();
  if (total > 0) return total;
  if (failure_) return IoResult::failed(EPROTO);
  if (read_error_ != 0) return IoResult::failed(read_error_);
  return records_ == Records::ended || size == 0 ? IoResult(0) : IoResult::must_wait();
}

int TlsStream::read_records(char* data, std::size_t size, bool peek) {
  ONEHOP_DCHECK(life_ != Life::handshake);
  forget_tls_errors();
  budget_.enter_pass(reactor().pass());
  const int max = static_cast<int>(std::min<std::size_t>(size, 1U << 30U));
  const int got = peek ? SSL_peek(ssl_.get(), data, max) : SSL_read(ssl_.get(), data, max);
  if (got > 0) budget_.on_data();
  if (budget_.is_spent() && !resting_) {
    resting_ = true;
    reactor().schedule(inner_readable_);
  }
  return got;
}

void TlsStream::on_no_data(int result) {
  move_to(Records::drained);
  if (budget_.is_exceeded()) {
    forget_tls_errors();
    fail(Errc::tls_failed, [] { return "the peer sent too many TLS records without data"; });
    return;
  }
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ && input_ == Input::nothing) return;
  if (error == SSL_ERROR_ZERO_RETURN || (input_ == Input::end && !needs_goodbye_)) {
    forget_tls_errors();
    move_to(Records::ended);
    on_hangup(Ending::half_closed);
    return;
  }
  if (read_error_ != 0) {
    forget_tls_errors();
    return;
  }
  // RFC 8446 §6.1: without close_notify, the data may be truncated.
  if (input_ == Input::end) {
    forget_tls_errors();
    fail(Errc::truncated, [] { return "the connection ended without TLS's close_notify"; });
    return;
  }
  fail(Errc::tls_failed, [] {
    std::string reason = take_tls_reason(TlsErrorIn::connection);
    return reason.empty() ? "the connection cannot be read" : reason;
  });
}

bool TlsStream::has_input() {
  if (is_over()) return true;
  if (!is_readable()) return false;
  if (SSL_pending(ssl_.get()) > 0) return true;
  char byte = 0;
  const int got = read_records(&byte, 1, true);
  if (got > 0) {
    move_to(Records::held);
  } else {
    on_no_data(got);
  }
  if (TlsOutbox::of_thread().size > 0) flush();
  return got > 0 || is_over();
}

bool TlsStream::has_unread() {
  return has_input() || resting_;
}

bool TlsStream::has_unread_now() {
  inner_->hint_more_input();
  return has_unread();
}

Error TlsStream::error_of(int errno_value, Side side) const {
  if (errno_value == EPROTO && failure_) return Error(failure_->code, side, failure_->detail);
  return inner_->error_of(errno_value, side);
}

bool TlsStream::is_readable() const noexcept {
  return is_over() ||
         (!resting_ && !must_send_first() && (records_ != Records::drained || inner_->may_read()));
}

bool TlsStream::must_send_first() const noexcept {
  return unsent_.size() > kMaxUnsent;
}

// Wakes the reader for data, an end or an error, but not for tickets, key updates or partial
// records.
void TlsStream::on_inner_readable() {
  resting_ = false;
  if (!has_reader() || must_send_first()) return;
  if (has_input()) {
    wake_reader();
  } else if (!resting_ && !must_send_first()) {
    inner_->call_when_readable(inner_readable_);
  }
}

// There is no memory for a record. Fails the connection, because its position in the stream is
// lost.
void TlsStream::on_no_memory() noexcept {
  if (read_error_ == 0) read_error_ = ENOMEM;
  wake_reader();
}

// --- writing -----------------------------------------------------------------------------------

IoResult TlsStream::try_write(const iovec* parts, int count) {
  if (failure_ || life_ > Life::open) return IoResult::failed(EPIPE);
  if (!unsent_.empty() && !unsent_can_wait_) flush();
  if (write_error_ != 0) return IoResult::failed(write_error_);
  if (!unsent_.empty() && !unsent_can_wait_) return IoResult::must_wait();
  ONEHOP_DCHECK(life_ != Life::handshake);
  TlsPieces pieces(parts, count);
  std::size_t taken = pieces.skip(std::exchange(blocked_, 0));
  std::array<char, kTlsRecord> joined;  // NOLINT: written before it is read
  while (!pieces.empty()) {
    std::size_t encrypted = 0;
    for (int i = 0; i < TlsOutbox::kRecords && !pieces.empty(); ++i) {
      const std::string_view piece = pieces.next(joined);
      const int size = static_cast<int>(piece.size());
      forget_tls_errors();
      // Writes all of it, in several records if the client asked for small ones (RFC 6066 §4).
      if (SSL_write(ssl_.get(), piece.data(), size) != size) {
        fail(Errc::tls_failed, [] { return take_tls_reason(TlsErrorIn::connection); });
        flush();
        return IoResult::failed(EPROTO);
      }
      encrypted += piece.size();
    }
    if (flush()) {
      taken += encrypted;
      continue;
    }
    if (write_error_ != 0) return IoResult::failed(write_error_);
    blocked_ = static_cast<unsigned>(encrypted);
    return taken > 0 ? IoResult(taken) : IoResult::must_wait();
  }
  return taken;
}

bool TlsStream::flush() noexcept {
  try {
    return write_unsent();
  } catch (const std::bad_alloc&) {  // the record is lost, and so is the connection
    write_error_ = ENOMEM;
    HeldString().swap(unsent_);
    return false;
  }
}

bool TlsStream::write_unsent() {
  TlsOutbox& box = TlsOutbox::of_thread();
  unsent_can_wait_ = false;
  const char* data = box.memory.data();
  std::size_t size = std::exchange(box.size, 0);
  const bool direct = unsent_.empty();
  if (!direct) {
    unsent_.append(data, size);
    data = unsent_.data();
    size = unsent_.size();
  }
  if (size == 0) return true;
  if (write_error_ != 0) return false;
  const IoResult sent = inner_->try_write(data, size);
  if (sent.has_failed()) {
    write_error_ = sent.error();
    HeldString().swap(unsent_);
    return false;
  }
  const std::size_t count = sent.count();
  count_bytes_out(count);
  if (count == size) {
    HeldString().swap(unsent_);
    return true;
  }
  if (direct) {
    unsent_.assign(data + count, size - count);
  } else {
    unsent_.erase(0, count);
  }
  if (life_ != Life::handshake) watch_for_writing();
  return false;
}

void TlsStream::watch_for_writing() noexcept {
  inner_->call_when_writable(inner_writable_);
}

void TlsStream::on_inner_writable() {
  if (!flush() && write_error_ == 0) return;  // flush() watches again
  if (life_ == Life::closing) {
    move_to(Life::closed);
    inner_->close_write();
  }
  wake_writer();
  on_inner_readable();  // reading may have paused: see must_send_first()
}

bool TlsStream::is_writable() const noexcept {
  return unsent_.empty() || unsent_can_wait_ || inner_->may_write();
}

void TlsStream::prepare_wait() noexcept {
  if (unsent_can_wait_ && extra_deadline_ == io::kNever) {
    extra_deadline_ = reactor().now() + kTicketDelay;
    arm_timer(extra_deadline_);
  }
  if (has_reader()) inner_->call_when_readable(inner_readable_);
  if (!unsent_.empty() && !unsent_can_wait_) watch_for_writing();
}

void TlsStream::on_extra_deadline() noexcept {
  if (unsent_can_wait_) flush();
}

std::size_t TlsStream::unacknowledged() const noexcept {
  return inner_->unacknowledged() + unsent_.size();
}

// --- the end -----------------------------------------------------------------------------------

void TlsStream::close_write() noexcept {
  if (life_ != Life::open || failure_ || write_error_ != 0) return;
  forget_tls_errors();
  SSL_shutdown(ssl_.get());
  if (flush()) {
    move_to(Life::closed);
    inner_->close_write();
  } else {
    move_to(write_error_ == 0 ? Life::closing : Life::closed);
  }
}

void TlsStream::abort() noexcept {
  move_to(Life::aborted);
  inner_->abort();
}

void TlsStream::on_inner_hangup() {
  on_hangup(inner_->ending());
  if (!is_broken()) inner_->watch_hangup(&inner_hangup_, Hangup::broken);
}

}  // namespace onehop::net
