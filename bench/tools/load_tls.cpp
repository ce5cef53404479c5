// SPDX-License-Identifier: Apache-2.0
// The load generator for HTTP/1.1 over TLS. It uses TLS 1.3, X25519 and AES-128-GCM, even if the
// other side prefers something else, checks every response and every handshake, and prints one JSON
// object.
//
//   load_tls MODE --port P --request FILE [--status 200] [--expect N] [--conns N] [--secs S]
//
//   closed   N keep-alive connections; each sends its next request after its response
//   newconn  N connections at a time; each has one request after a full handshake
//   resume   like newconn, but each handshake resumes the session of the very first one
//
// FILE holds the raw request. The certificate is not verified, because that would cost this side
// more than it costs the proxy to present it.
#include "answers.hpp"
#include "load_options.hpp"
#include "loopback.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace {

using bench::LoadMode;
using std::size_t;
using std::string;
using std::string_view;
using std::uint64_t;
using Clock = std::chrono::steady_clock;

constexpr int kReadSize = 256 << 10;
constexpr int kReadsPerTurn = 16;  // records, so that a large download does not starve the others
constexpr uint64_t kTooManyErrors = 100;
// The time for the last responses after the end of the run.
constexpr auto kGrace = std::chrono::seconds(10);
constexpr unsigned char kProtocols[] = "\x08http/1.1";

char g_input[kReadSize];

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Session = std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)>;
using Tls = std::unique_ptr<SSL, decltype(&SSL_free)>;

// Shared by all connections of a run.
struct Run {
  bench::LoadOptions options;
  bench::Epoll epoll;
  bench::Tally tally;
  Context context{nullptr, SSL_CTX_free};
  Session session{nullptr, SSL_SESSION_free};  // for mode resume, once there is one
  bool stopping = false;
};

int keep_first_session(SSL* tls, SSL_SESSION* session) {
  auto* run = static_cast<Run*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)));
  if (run->options.mode != LoadMode::resume || run->session) return 0;
  run->session.reset(session);
  return 1;
}

void prepare(Run& run) {
  run.context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = run.context.get();
  const bool usable = context != nullptr &&
                      SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
                      SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1 &&
                      SSL_CTX_set1_groups_list(context, "X25519") == 1 &&
                      SSL_CTX_set_alpn_protos(context, kProtocols, sizeof kProtocols - 1) == 0;
  if (!usable) bench::die("OpenSSL");
  SSL_CTX_set_app_data(context, &run);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context, keep_first_session);
  SSL_CTX_set_default_read_buffer_len(context, 64 << 10);
  SSL_CTX_set_read_ahead(context, 1);
}

class Client {
 public:
  explicit Client(Run& run) : run_(&run) {}

  bool closed() const { return state_ == State::closed; }
  bool busy() const { return !closed(); }

  void open() {
    started_ = Clock::now();
    fd_ = bench::connect_to(run_->options.port);
    if (fd_ < 0) return run_->tally.error(run_->tally.failed, bench::reason("connect"));
    tls_.reset(SSL_new(run_->context.get()));
    SSL_set_fd(tls_.get(), fd_);
    SSL_set_connect_state(tls_.get());
    resume();
    state_ = State::connecting;
    run_->epoll.add(fd_, EPOLLIN | EPOLLOUT, this);
  }

  void on_event() {
    ERR_clear_error();
    if (state_ == State::connecting) {
      run_->epoll.modify(fd_, EPOLLIN, this);
      state_ = State::handshake;
    }
    if (state_ == State::handshake) shake_hands();
    if (busy() && state_ != State::handshake) read_answer();
  }

  // Reports whether records wait that no event will announce, because they have already left the
  // socket.
  bool pending() const { return busy() && more_ && SSL_has_pending(tls_.get()) == 1; }

 private:
  enum class State { closed, connecting, handshake, head, body, ending };

  // Resumes a copy of the session, because OpenSSL accepts each TLS 1.3 session only once.
  void resume() {
    resuming_ = run_->session != nullptr;
    if (!resuming_) return;
    const Session copy(SSL_SESSION_dup(run_->session.get()), SSL_SESSION_free);
    SSL_set_session(tls_.get(), copy.get());
  }

  void close_socket() {
    SSL_shutdown(tls_.get());  // without it, OpenSSL would discard the session
    tls_.reset();
    close(fd_);
    state_ = State::closed;
    more_ = false;
  }

  void fail(string what) {
    run_->tally.error(run_->tally.failed, std::move(what));
    close_socket();
  }

  void wrong(string what) { run_->tally.error(run_->tally.wrong, std::move(what)); }

  bool one_request() const { return run_->options.mode != LoadMode::closed; }

  void shake_hands() {
    const int result = SSL_do_handshake(tls_.get());
    if (result != 1) {
      if (SSL_get_error(tls_.get(), result) != SSL_ERROR_WANT_READ) fail(tls_reason("handshake"));
      return;
    }
    if ((SSL_session_reused(tls_.get()) == 1) != resuming_) {
      wrong(resuming_ ? "the session was not resumed" : "a session was resumed");
    }
    request();
  }

  static string tls_reason(string_view what) {
    const char* text = ERR_reason_error_string(ERR_peek_error());
    return string(what) + ": " + (text != nullptr ? text : "connection lost");
  }

  void request() {
    if (!one_request()) started_ = Clock::now();
    in_.clear();
    state_ = State::head;
    const string& head = run_->options.request;
    const int sent = SSL_write(tls_.get(), head.data(), static_cast<int>(head.size()));
    if (sent != static_cast<int>(head.size())) fail(tls_reason("send"));
  }

  void read_answer() {
    for (int i = 0; i < kReadsPerTurn; ++i) {
      const int got = SSL_read(tls_.get(), g_input, kReadSize);
      if (got <= 0) {
        more_ = false;
        return read_nothing(got);
      }
      take({g_input, static_cast<size_t>(got)});
      if (closed()) return;
    }
    more_ = true;
  }

  void read_nothing(int result) {
    const int what = SSL_get_error(tls_.get(), result);
    if (what == SSL_ERROR_WANT_READ) return;
    if (state_ != State::ending) return fail(tls_reason("closed before the response was complete"));
    if (what != SSL_ERROR_ZERO_RETURN) return fail(tls_reason("closed without close_notify"));
    close_socket();
  }

  void take(string_view bytes) {
    if (state_ == State::body) return take_body(bytes.size());
    if (state_ == State::ending) return fail("bytes after the response");
    in_ += bytes;
    const size_t end = in_.find("\r\n\r\n");
    if (end == string::npos) return;
    const int status = bench::status_of(in_);
    if (status != run_->options.status) wrong("status " + std::to_string(status));
    const auto length = bench::content_length(string_view(in_).substr(0, end));
    if (!length) return fail("answer without Content-Length");
    expected_ = *length;
    received_ = 0;
    state_ = State::body;
    take_body(in_.size() - end - 4);
  }

  void take_body(size_t size) {
    received_ += size;
    if (received_ > expected_) return fail("bytes after the response");
    if (received_ < expected_) return;
    if (expected_ != run_->options.expect) wrong("length " + std::to_string(expected_));
    const auto took = Clock::now() - started_;
    run_->tally.latency.add(static_cast<uint64_t>(took.count()));
    run_->tally.bytes += received_;
    ++run_->tally.done;
    if (one_request()) {
      state_ = State::ending;
    } else if (run_->stopping) {
      close_socket();
    } else {
      request();
    }
  }

  Run* run_;
  int fd_ = -1;
  Tls tls_{nullptr, SSL_free};
  State state_ = State::closed;
  bool resuming_ = false;
  bool more_ = false;  // the last turn ended before all input was read
  string in_;
  uint64_t expected_ = 0;  // response body
  uint64_t received_ = 0;  // response body
  Clock::time_point started_;
};

uint64_t busy_count(const std::vector<Client>& clients) {
  return static_cast<uint64_t>(std::ranges::count_if(clients, &Client::busy));
}

void turn(Run& run, std::vector<Client>& clients) {
  const bool waiting = std::ranges::none_of(clients, &Client::pending);
  for (const epoll_event& event : run.epoll.wait(waiting ? 20 : 0)) {
    auto* client = static_cast<Client*>(event.data.ptr);
    if (!client->closed()) client->on_event();
  }
  for (Client& client : clients) {
    if (client.pending()) client.on_event();
  }
}

// Keeps every connection busy until the end of the run, then waits for the last responses.
void run_timed(Run& run, std::vector<Client>& clients) {
  using Seconds = std::chrono::duration<double>;
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(run.options.seconds));
  while (run.tally.failed + run.tally.wrong < kTooManyErrors) {
    const auto now = Clock::now();
    run.stopping = now >= end;
    if (run.stopping && (busy_count(clients) == 0 || now > end + kGrace)) return;
    for (Client& client : clients) {
      if (!run.stopping && client.closed()) client.open();
      // The other connections wait until there is a session to resume.
      if (run.options.mode == LoadMode::resume && !run.session) break;
    }
    turn(run, clients);
  }
}

}  // namespace

int main(int argc, char** argv) {
  auto options = bench::parse_load_options({argv, static_cast<size_t>(argc)});
  if (!options || options->body != 0 || options->mode == LoadMode::websocket ||
      options->mode == LoadMode::idle) {
    std::fputs("usage: load_tls closed|newconn|resume --port P --request FILE [...]\n", stderr);
    return 2;
  }
  bench::prepare_process();
  Run run;
  run.options = std::move(*options);
  prepare(run);
  std::vector<Client> clients;
  clients.reserve(run.options.connections);
  for (size_t i = 0; i < run.options.connections; ++i)
    clients.emplace_back(run);
  const auto begin = Clock::now();
  run_timed(run, clients);
  const std::chrono::duration<double> took = Clock::now() - begin;
  bench::print_result(run.tally, took.count(), busy_count(clients));
}
