// SPDX-License-Identifier: Apache-2.0
//
// TlsStream: TLS over another stream, as a Stream. Made by a TlsServerContext or TlsClientContext;
// handshake() comes first. Records are read straight from the inner stream; what is to be sent is
// encrypted into memory of the thread and goes out several records at a time.
#pragma once

#include <onehop/task.hpp>

#include "base/held_memory.hpp"
#include "base/promised_memory.hpp"
#include "net/stream.hpp"
#include "net/tls_context.hpp"
#include "net/tls_handles.hpp"
#include "net/tls_record_budget.hpp"

#include <memory>
#include <string>

namespace onehop::net {

class TlsStream final : public Stream, public detail::InFramePool {
 public:
  // `context` is kept as long as the stream lives.
  TlsStream(std::unique_ptr<Stream> inner, SslHandle ssl, std::shared_ptr<const void> context);
  // Says goodbye (close_notify) when nothing had failed.
  ~TlsStream() override;

  // Errors: Errc::tls_failed, Errc::closed when the peer ended the connection without an alert,
  // Errc::timed_out, or the inner stream's; phase tls, on the side of the peer. The detail says
  // exactly what failed.
  task<Result<void>> handshake(Time deadline);
  // Ends the wait of a handshake: Errc::cancelled.
  void interrupt_handshake() noexcept {
    inner_->interrupt_reader();
    inner_->interrupt_writer();
  }
  // After a server's handshake failed: the client sent an HTTP request in clear.
  bool got_plain_http() const noexcept { return got_plain_http_; }
  // Whether the peer has said anything.
  bool has_received() const noexcept { return saw_first_bytes_; }
  // The inner stream, when there will be no TLS on it.
  std::unique_ptr<Stream> give_up() noexcept { return std::move(inner_); }

  using Stream::try_write;
  ssize_t try_read(char* data, std::size_t size) override;
  ssize_t try_write(const iovec* parts, int count) override;
  void close_write() noexcept override;
  void abort() noexcept override;
  bool has_unread() override;
  bool has_unread_now() override;
  void hint_more_input() noexcept override { inner_->hint_more_input(); }
  std::size_t unacknowledged() const noexcept override;
  Error error_of(int errno_value, Side side) const override;
  const TlsInfo* tls() const noexcept override { return &info_; }

  // For the client's context: sessions to resume are put there.
  void keep_sessions_in(std::shared_ptr<TlsSessions> sessions) noexcept {
    sessions_ = std::move(sessions);
  }
  bool keep_session(SSL_SESSION* session);
  void ignore_missing_close_notify() noexcept { needs_goodbye_ = false; }
  // For the verification: the first thing that is wrong with the peer's certificate.
  void note_refused_certificate(std::string why) {
    if (refused_.empty()) refused_ = std::move(why);
  }

 protected:
  void prepare_wait() noexcept override;
  void on_extra_deadline() noexcept override;
  bool is_readable() const noexcept override;
  bool is_writable() const noexcept override;

 private:
  static int on_bio_write(BIO* bio, const char* data, int size);
  static int on_bio_read(BIO* bio, char* data, int size);
  static long on_bio_control(BIO* bio, int command, long number, void* pointer);
  static const BIO_METHOD* bio_method();
  static void on_message(
      int sent, int, int type, const void*, std::size_t, SSL* ssl, void* self) noexcept;
  static void on_inner_readable(void* self);
  static void on_inner_writable(void* self);
  static void on_inner_hangup(void* self);

  enum class Step : std::uint8_t { done, wait, failed };
  Step advance_handshake();
  void note_handshake();
  std::string why_handshake_failed() const;
  // Looks into what has come without taking data: false when there is nothing for a reader.
  bool has_input();
  // SSL_read or SSL_peek, within the budget.
  int read_records(char* data, std::size_t size, bool peek);
  void note_no_data(int result);
  void fail(Errc code, std::string detail);
  bool is_over() const noexcept { return failure_ || read_error_ != 0 || ended_; }
  // Sends what is encrypted; false when some of it has to wait, or never will go.
  bool flush() noexcept;
  bool write_unsent();
  void watch_for_writing() noexcept;
  // The peer makes us send, and does not read it.
  bool must_send_first() const noexcept;
  bool is_server() const noexcept { return SSL_is_server(ssl_.get()) == 1; }

  struct Failure {
    Errc code;
    std::string detail;
  };
  // What the inner stream said last.
  enum class Input : std::uint8_t { data, nothing, end, error };

  io::Wakeup inner_readable_;
  io::Wakeup inner_writable_;
  io::Wakeup inner_hangup_;
  std::unique_ptr<Stream> inner_;  // behind the wakeups: it dies before them
  std::shared_ptr<const void> context_;
  SslHandle ssl_;
  MemoryPromise handshake_claim_;
  std::shared_ptr<TlsSessions> sessions_;
  TlsRecordBudget budget_;
  std::unique_ptr<Failure> failure_;
  HeldString unsent_;        // encrypted bytes the inner stream did not take
  std::size_t blocked_ = 0;  // how many bytes of the caller's are in it, and count as not taken
  TlsInfo info_;
  std::string server_name_;
  std::string client_subject_;
  std::string refused_;
  int read_error_ = 0;   // of the inner stream. One that cannot be written any more may still
  int write_error_ = 0;  // have something to read: an answer, or an alert that says why.
  Input input_ = Input::nothing;
  bool drained_ = false;          // OpenSSL has used up what came; partial records aside
  bool ended_ = false;            // close_notify has come
  bool resting_ = false;          // the budget is spent; inner_readable_ runs in the next pass
  bool unsent_can_wait_ = false;  // it is session tickets, which may go with the first answer
  bool established_ = false;
  bool aborted_ = false;
  bool said_goodbye_ = false;
  bool close_when_sent_ = false;
  bool needs_goodbye_ = true;  // an end without close_notify is a failure
  bool saw_first_bytes_ = false;
  bool got_plain_http_ = false;
};

}  // namespace onehop::net
