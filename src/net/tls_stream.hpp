// SPDX-License-Identifier: Apache-2.0
//
// TlsStream is a Stream that speaks TLS over another stream. TlsServerContext and TlsClientContext
// make it; the caller awaits handshake() before it reads or writes. OpenSSL reads records directly
// from the inner stream. Records to send are encrypted into a buffer of the thread, and one write
// to the inner stream sends several of them. Thread: owner.
#pragma once

#include <onehop/task.hpp>

#include "base/check.hpp"
#include "base/held_memory.hpp"
#include "base/promised_memory.hpp"
#include "net/stream.hpp"
#include "net/tls_context.hpp"
#include "net/tls_handles.hpp"
#include "net/tls_record_budget.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <new>
#include <string>

namespace onehop::net {

class TlsStream final : public Stream, public Lasting {
 public:
  // Takes over `inner` and `ssl`, and keeps `context` alive. Throws std::bad_alloc.
  TlsStream(std::unique_ptr<Stream> inner, SslHandle ssl, std::shared_ptr<const void> context);
  // Sends close_notify unless the stream has failed.
  ~TlsStream() override;

  // Performs the handshake until `deadline`. Errors: Errc::tls_failed, Errc::closed if the peer
  // ended the connection without an alert, Errc::timed_out, Errc::cancelled, or an error of the
  // inner stream. Errors other than cancelled have the phase tls and the side of the peer, and a
  // detail that names the cause.
  task<Result<void>> handshake(Time deadline);
  // Makes a waiting handshake() return Errc::cancelled.
  void interrupt_handshake() noexcept {
    inner_->interrupt_reader();
    inner_->interrupt_writer();
  }
  // Reports whether a server's handshake failed because the client sent HTTP without TLS.
  bool got_plain_http() const noexcept { return beginning_ == Beginning::plain_http; }
  // Reports whether the peer has sent a byte.
  bool has_received() const noexcept { return beginning_ != Beginning::none; }
  // Returns the inner stream for use without TLS. After this call, the TlsStream may only be
  // destroyed.
  std::unique_ptr<Stream> give_up() noexcept { return std::move(inner_); }

  using Stream::try_write;
  IoResult try_read(char* data, std::size_t size) override;
  IoResult try_write(const iovec* parts, int count) override;
  void close_write() noexcept override;
  void abort() noexcept override;
  bool has_unread() override;
  bool has_unread_now() override;
  void hint_more_input() noexcept override { inner_->hint_more_input(); }
  std::size_t unacknowledged() const noexcept override;
  Error error_of(int errno_value, Side side) const override;
  const TlsInfo* tls() const noexcept override { return &info_; }

  // For TlsClientContext: `sessions` receives the sessions that the server offers for resumption.
  void keep_sessions_in(std::shared_ptr<TlsSessions> sessions) noexcept {
    sessions_ = std::move(sessions);
  }
  // Offers a new session. Reports whether the stream took over the caller's reference.
  bool keep_session(SSL_SESSION* session);
  // Makes the stream report an end without close_notify as an end instead of Errc::truncated.
  void ignore_missing_close_notify() noexcept { needs_goodbye_ = false; }
  // For on_verify: records why the peer's certificate is refused. The first reason is kept.
  void record_refused_certificate(std::string why);
  // Returns the stream that `ssl` belongs to, for callbacks of OpenSSL.
  static TlsStream& of(SSL* ssl) noexcept {
    return *static_cast<TlsStream*>(BIO_get_data(SSL_get_rbio(ssl)));
  }

 protected:
  void prepare_wait() noexcept override;
  void on_extra_deadline() noexcept override;
  bool is_readable() const noexcept override;
  bool is_writable() const noexcept override;

 private:
  // OpenSSL holds about this much memory for an idle connection and does not report it. The buffers
  // of a busy connection, up to 48 KiB, are allocated and freed as needed.
  static constexpr std::size_t kOpenSslHolds = std::size_t{16} * 1024;

  static int on_bio_write(BIO* bio, const char* data, int size);
  static int on_bio_read(BIO* bio, char* data, int size);
  static long on_bio_control(BIO* bio, int command, long number, void* pointer);
  static const BIO_METHOD* bio_method();
  static void on_message(
      int sent, int, int type, const void*, std::size_t, SSL* ssl, void* self) noexcept;
  void on_inner_readable();
  void on_inner_writable();
  void on_no_memory() noexcept;
  void on_inner_hangup();

  enum class Step : std::uint8_t { done, wait, failed };
  Step advance_handshake();
  void on_handshake_done();
  std::string why_handshake_failed() const;
  // Processes received records up to the first one with data, and leaves the data unread. Returns
  // false if there is nothing for a reader: no data, no end and no error.
  bool has_input();
  // Calls SSL_read or SSL_peek and counts the records against the budget.
  int read_records(char* data, std::size_t size, bool peek);
  // Records why SSL_read or SSL_peek returned `result` and no data.
  void on_no_data(int result);
  // Records a failure with the detail that `why` returns, or ENOMEM if there is no memory for it.
  // It does not throw, because records and alerts may still be in the thread's outbox.
  template <class Why>
  void fail(Errc code, const Why& why) noexcept {
    if (failure_) return;
    try {
      failure_ = std::make_unique<Failure>(code, std::string(why()));
    } catch (const std::bad_alloc&) {
      if (read_error_ == 0) read_error_ = ENOMEM;
    }
  }
  bool is_over() const noexcept {
    return failure_ || read_error_ != 0 || records_ == Records::ended;
  }
  // Sends the encrypted records. Returns false if a part has to wait or the connection has failed.
  bool flush() noexcept;
  bool write_unsent();
  void watch_for_writing() noexcept;
  // Reports whether the peer makes this side send responses (key updates) and does not read them.
  bool must_send_first() const noexcept;
  bool is_server() const noexcept { return SSL_is_server(ssl_.get()) == 1; }

  // The states follow each other in this order. An abort is possible at any time, and more than
  // once.
  enum class Life : std::uint8_t {
    handshake,
    open,
    closing,  // close_notify is in unsent_; close_write() of the inner stream follows it
    closed,   // for writing
    aborted,
  };
  static constexpr bool may_follow(Life from, Life to) noexcept {
    if (to == Life::aborted) return true;
    return to > from && (from != Life::handshake || to == Life::open);
  }
  void move_to(Life next) noexcept {
    ONEHOP_DCHECK(may_follow(life_, next));
    life_ = next;
  }
  // The received records that OpenSSL holds.
  enum class Records : std::uint8_t {
    held,     // perhaps a complete record
    drained,  // no complete record
    ended,    // close_notify has arrived
  };
  void move_to(Records next) noexcept {
    ONEHOP_DCHECK(records_ != Records::ended);
    records_ = next;
  }
  // The protocol to which the peer's first byte belongs.
  enum class Beginning : std::uint8_t { none, tls, plain_http };

  struct Failure {
    Errc code;
    std::string detail;
  };
  // The peer's certificate.
  struct Certificate {
    std::string subject;  // of a client
    std::string refusal;  // "" if it is accepted
  };
  Certificate& certificate_of_peer();
  // The result of the last read from the inner stream.
  enum class Input : std::uint8_t { data, nothing, end, error };

  io::Wakeup inner_readable_;
  io::Wakeup inner_writable_;
  io::Wakeup inner_hangup_;
  std::unique_ptr<Stream> inner_;  // declared after the wakeups, which must outlive it
  std::shared_ptr<const void> context_;
  SslHandle ssl_;
  MemoryPromise handshake_claim_;
  std::shared_ptr<TlsSessions> sessions_;
  TlsRecordBudget budget_;
  std::unique_ptr<Failure> failure_;
  HeldString unsent_;  // encrypted bytes that the inner stream did not take
  TlsInfo info_;
  std::unique_ptr<Certificate> certificate_;  // null unless the peer has shown one
  // Errors of the inner stream. After a failed write, a response or an alert may still be readable.
  int read_error_ = 0;
  int write_error_ = 0;
  unsigned blocked_ = 0;  // bytes of the caller in unsent_ that try_write reported as not taken
  Input input_ = Input::nothing;
  Life life_ = Life::handshake;
  Records records_ = Records::held;
  Beginning beginning_ = Beginning::none;
  bool resting_ = false;          // the budget is spent; inner_readable_ runs in the next pass
  bool unsent_can_wait_ = false;  // unsent_ is session tickets; they leave with the first response
  bool needs_goodbye_ = true;     // an end without close_notify is Errc::truncated
};

}  // namespace onehop::net
