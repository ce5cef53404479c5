// SPDX-License-Identifier: Apache-2.0
//
// TlsStream from its construction to the end of the handshake.
#include "base/check.hpp"
#include "base/returned_memory.hpp"
#include "net/tls_reason.hpp"
#include "net/tls_records.hpp"
#include "net/tls_stream.hpp"

#include <new>
#include <utility>

namespace onehop::net {
namespace {

// The memory that a handshake needs in addition to kOpenSslHolds. Freeing it leaves as much in the
// heap, in pieces between blocks that stay in use.
constexpr std::size_t kHandshakeHolds = std::size_t{32} * 1024;

std::string_view text_or_empty(const char* text) noexcept {
  return text ? std::string_view(text) : std::string_view();
}

}  // namespace

TlsStream::TlsStream(std::unique_ptr<Stream> inner,
                     SslHandle ssl,
                     std::shared_ptr<const void> context)
    : Stream(inner->reactor()),
      inner_readable_(io::call_or<&TlsStream::on_inner_readable, &TlsStream::on_no_memory>(this)),
      inner_writable_(io::call_or<&TlsStream::on_inner_writable, &TlsStream::on_no_memory>(this)),
      inner_hangup_(io::call<&TlsStream::on_inner_hangup>(this)),
      inner_(std::move(inner)),
      context_(std::move(context)),
      ssl_(std::move(ssl)),
      handshake_claim_(kHandshakeHolds) {
  BIO* const bio = BIO_new(bio_method());
  if (!bio) throw std::bad_alloc();
  count_held(kOpenSslHolds);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_msg_callback(ssl_.get(), &TlsStream::on_message);
  SSL_set_msg_callback_arg(ssl_.get(), this);
}

task<Result<void>> TlsStream::handshake(Time deadline) {
  const Side side = is_server() ? Side::client : Side::upstream;
  for (;;) {
    const Step step = advance_handshake();
    if (step == Step::failed) {
      co_return failure(error_of(failure_ ? EPROTO : read_error_, side).during(Phase::tls));
    }
    Wait wait = Wait::ready;
    while (!unsent_.empty() && !unsent_can_wait_ && wait == Wait::ready) {
      wait = co_await inner_->writable(deadline);
      if (wait == Wait::ready) flush();
    }
    if (step == Step::done && wait == Wait::ready) {
      on_handshake_done();
      co_return Result<void>();
    }
    if (wait == Wait::ready) wait = co_await inner_->readable(deadline);
    if (wait == Wait::interrupted) co_return failure(Errc::cancelled, Side::local);
    if (wait == Wait::timed_out) {
      Error error(Errc::timed_out, side, "the TLS handshake did not end in time");
      co_return failure(error.during(Phase::tls));
    }
  }
}

TlsStream::Step TlsStream::advance_handshake() {
  ONEHOP_DCHECK(life_ == Life::handshake && !failure_ && TlsOutbox::of_thread().size == 0);
  forget_tls_errors();
  input_ = Input::data;
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    // A server's last bytes are session tickets. They leave with the first response.
    unsent_can_wait_ = is_server() && SSL_version(ssl_.get()) >= TLS1_3_VERSION;
    TlsOutbox& box = TlsOutbox::of_thread();
    if (unsent_can_wait_) {
      unsent_.append(box.memory.data(), std::exchange(box.size, 0));
    } else {
      flush();
    }
    return Step::done;
  }
  if (input_ == Input::nothing && SSL_want_read(ssl_.get())) {
    flush();
    return Step::wait;  // even if the write failed: the peer may have sent an alert before it
                        // closed
  }
  // A client that speaks HTTP would read an alert as a part of the plaintext response that follows.
  if (got_plain_http()) TlsOutbox::of_thread().size = 0;
  if (input_ != Input::error) {
    const Errc code = input_ == Input::end ? Errc::closed : Errc::tls_failed;
    fail(code, [this] { return why_handshake_failed(); });
  }
  flush();
  return Step::failed;
}

void TlsStream::on_handshake_done() {
  ONEHOP_DCHECK(unsent_.empty() || unsent_can_wait_);
  move_to(Life::open);
  handshake_claim_.redeem();
  count_returned_memory(kHandshakeHolds);
  count_freed_memory(kHandshakeHolds);
  budget_.end_handshake();
  move_to(SSL_has_pending(ssl_.get()) == 0 ? Records::drained : Records::held);
  SSL* const ssl = ssl_.get();
  info_.version = text_or_empty(SSL_get_version(ssl));
  info_.cipher = text_or_empty(SSL_get_cipher_name(ssl));
  info_.resumed = SSL_session_reused(ssl) == 1;
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  info_.protocol = {reinterpret_cast<const char*>(protocol), size};
  if (is_server()) {
    info_.server_name = text_or_empty(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    if (X509* const certificate = SSL_get0_peer_certificate(ssl)) {
      certificate_of_peer().subject = text_of(X509_get_subject_name(certificate));
      info_.client_subject = certificate_->subject;
    }
    SSL_certs_clear(
        ssl);  // each SSL has its own list of the server's chain, for the handshake only
  }
  inner_->watch_hangup(&inner_hangup_, Hangup::any);
}

TlsStream::Certificate& TlsStream::certificate_of_peer() {
  if (!certificate_) certificate_ = std::make_unique<Certificate>();
  return *certificate_;
}

void TlsStream::record_refused_certificate(std::string why) {
  std::string& refusal = certificate_of_peer().refusal;
  if (refusal.empty()) refusal = std::move(why);
}

// Returns the cause in words for the log.
std::string TlsStream::why_handshake_failed() const {
  const std::string reason = take_tls_reason(TlsErrorIn::connection);
  if (got_plain_http()) return "the client spoke plain HTTP";
  if (certificate_) return "certificate not accepted: " + certificate_->refusal;
  if (budget_.is_exceeded()) return "the handshake took too many TLS records";
  if (input_ == Input::end) return "the peer closed the connection during the handshake";
  if (!is_server() && (reason == "wrong version number" || reason == "http request")) {
    return reason + ": the peer does not speak TLS; is it http://?";
  }
  return reason.empty() ? "handshake failed" : reason;
}

}  // namespace onehop::net
