// SPDX-License-Identifier: Apache-2.0
// A single-threaded HTTP/1.1 load generator that checks every response and prints one JSON object.
//
//   load MODE --port P --request FILE [--body N] [--status 200] [--expect N] [--conns N] [--secs S]
//
//   closed     N keep-alive connections; each sends its next request after its response
//   newconn    N connections at a time; each has one request, and the other side must close it
//   websocket  N connections, each with one masked frame of --expect bytes in flight, echoed
//   idle       N connections, one request each; prints "ready", waits for a line, repeats them all
//
// FILE holds the raw request head; --body bytes of the pattern follow it.
#include "answers.hpp"
#include "load_options.hpp"
#include "loopback.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace {

using bench::LoadMode;
using bench::LoadOptions;
using bench::reason;
using bench::Tally;
using std::size_t;
using std::string;
using std::string_view;
using std::uint64_t;
using Clock = std::chrono::steady_clock;

constexpr size_t kReadSize = 256 << 10;
constexpr size_t kWriteSize = 256 << 10;
constexpr size_t kCopyLimit = 64 << 10;  // longer bodies are discarded inside the kernel
constexpr size_t kIdleBatch = 256;       // idle mode: requests in flight, well below any backlog
constexpr uint64_t kTooManyErrors = 100;
// The time for the last responses after the end of the run.
constexpr auto kGrace = std::chrono::seconds(10);

const string g_pattern = bench::pattern(kWriteSize + 23);
char g_input[kReadSize];

// Shared by all connections of a run.
struct Run {
  LoadOptions options;
  bench::Epoll epoll;
  Tally tally;
  string frame;  // WebSocket: the masked frame to send
  bool stopping = false;
};

string masked_frame(size_t size) {
  const string mask = "\x01\x02\x03\x04";
  string frame = "\x82";
  if (size < 126) {
    frame += static_cast<char>(0x80 | size);
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(size >> 8);
    frame += static_cast<char>(size);
  }
  frame += mask;
  for (size_t i = 0; i < size; ++i) {
    frame += static_cast<char>(bench::pattern_byte(i) ^ mask[i & 3]);
  }
  return frame;
}

class Client {
 public:
  explicit Client(Run& run) : run_(&run) {}

  bool closed() const { return state_ == State::closed; }
  bool parked() const { return state_ == State::parked; }
  bool busy() const { return !closed() && !parked(); }

  // Starts the next exchange, on a new connection if the last one is closed.
  void begin() { closed() ? open() : request(); }

  void open() {
    fd_ = bench::connect_to(run_->options.port);
    if (fd_ < 0) return run_->tally.error(run_->tally.failed, reason("connect"));
    state_ = State::connecting;
    watching_ = true;
    run_->epoll.add(fd_, EPOLLIN | EPOLLOUT, this);
  }

  void request() {
    started_ = Clock::now();
    sent_ = 0;
    in_.clear();
    state_ = State::sending;
    write_request();
  }

  void on_event(std::uint32_t events) {
    if (state_ == State::connecting && !finish_connect(events)) return;
    if (state_ == State::sending && (events & EPOLLOUT) != 0) write_request();
    if (!closed() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_answer();
  }

 private:
  enum class State { closed, connecting, sending, head, body, frames, ending, parked };

  void close_socket() {
    close(fd_);
    state_ = State::closed;
  }

  void fail(string what) {
    run_->tally.error(run_->tally.failed, std::move(what));
    close_socket();
  }

  void wrong(string what) { run_->tally.error(run_->tally.wrong, std::move(what)); }

  void watch_writable(bool wanted) {
    if (wanted == watching_) return;
    watching_ = wanted;
    run_->epoll.modify(fd_, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
  }

  bool finish_connect(std::uint32_t events) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      errno = error;
      fail(reason("connect"));
    } else if ((events & EPOLLOUT) != 0) {
      request();
    }
    return busy();
  }

  void write_request() {
    const string& head = run_->options.request;
    const uint64_t total = head.size() + run_->options.body;
    while (sent_ < total) {
      string_view next = string_view(head).substr(std::min<uint64_t>(sent_, head.size()));
      if (next.empty()) {
        const uint64_t at = sent_ - head.size();
        const uint64_t size = std::min<uint64_t>(kWriteSize, total - sent_);
        next = string_view(g_pattern).substr(at % 23, size);
      }
      const ssize_t sent = send(fd_, next.data(), next.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return watch_writable(true);
      if (sent < 0) return fail(reason("send"));
      sent_ += static_cast<uint64_t>(sent);
    }
    watch_writable(false);
    state_ = State::head;
  }

  void read_answer() {
    const bool dropping = state_ == State::body && expected_ - received_ > kCopyLimit;
    const ssize_t got =
        recv(fd_, dropping ? nullptr : g_input, kReadSize, dropping ? MSG_TRUNC : 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return fail(reason("receive"));
    if (got == 0 && state_ == State::ending) return close_socket();
    if (got == 0) return fail("closed before the response was complete");
    switch (state_) {
      case State::body:
        return take_body(static_cast<size_t>(got));
      case State::frames:
        in_.append(g_input, static_cast<size_t>(got));
        return take_frame();
      case State::sending:  // a response may arrive before the request is fully sent
      case State::head:
        in_.append(g_input, static_cast<size_t>(got));
        return take_head();
      default:
        return fail("bytes after the response");
    }
  }

  void take_head() {
    const size_t end = in_.find("\r\n\r\n");
    if (end == string::npos) return;
    const int status = bench::status_of(in_);
    if (status != run_->options.status) wrong("status " + std::to_string(status));
    const size_t rest = in_.size() - end - 4;
    if (run_->options.mode == LoadMode::websocket) {
      if (status != 101) return close_socket();
      in_.erase(0, end + 4);
      return send_frame();
    }
    const std::optional<uint64_t> length = bench::content_length(string_view(in_).substr(0, end));
    if (!length) return fail("answer without Content-Length");
    expected_ = *length;
    received_ = 0;
    state_ = State::body;
    take_body(rest);
  }

  void take_body(size_t size) {
    received_ += size;
    if (received_ > expected_) return fail("bytes after the response");
    if (received_ < expected_) return;
    if (sent_ < run_->options.request.size() + run_->options.body) {
      return fail("answered before the request was read");
    }
    if (expected_ != run_->options.expect) wrong("length " + std::to_string(expected_));
    finish_exchange(received_);
  }

  void send_frame() {
    started_ = Clock::now();
    state_ = State::frames;
    const string& frame = run_->frame;
    const ssize_t sent = send(fd_, frame.data(), frame.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(frame.size())) fail(reason("send frame"));
  }

  void take_frame() {
    const size_t size = run_->options.expect;
    const size_t header = size < 126 ? 2 : 4;
    if (in_.size() < header + size) return;
    const string_view payload = string_view(in_).substr(header);
    if (in_[0] != '\x82' || payload != string_view(g_pattern).substr(0, size)) wrong("frame");
    in_.clear();
    finish_exchange(size);
  }

  void finish_exchange(uint64_t bytes) {
    const auto took = Clock::now() - started_;
    run_->tally.latency.add(static_cast<uint64_t>(took.count()));
    run_->tally.bytes += bytes;
    ++run_->tally.done;
    if (run_->options.mode == LoadMode::newconn) {
      state_ = State::ending;
    } else if (run_->options.mode == LoadMode::idle) {
      state_ = State::parked;
    } else if (run_->stopping) {
      close_socket();
    } else if (run_->options.mode == LoadMode::websocket) {
      send_frame();
    } else {
      request();
    }
  }

  Run* run_;
  int fd_ = -1;
  State state_ = State::closed;
  bool watching_ = false;  // for EPOLLOUT
  string in_;
  uint64_t sent_ = 0;      // of head and body
  uint64_t expected_ = 0;  // response body
  uint64_t received_ = 0;  // response body
  Clock::time_point started_;
};

void handle_events(Run& run) {
  for (const epoll_event& event : run.epoll.wait(20)) {
    auto* client = static_cast<Client*>(event.data.ptr);
    if (!client->closed()) client->on_event(event.events);
  }
}

bool hopeless(const Run& run) {
  return run.tally.failed + run.tally.wrong >= kTooManyErrors;
}

uint64_t busy_count(const std::vector<Client>& clients) {
  return static_cast<uint64_t>(std::ranges::count_if(clients, &Client::busy));
}

// Keeps every connection busy until the end of the run, then waits for the last responses.
void run_timed(Run& run, std::vector<Client>& clients) {
  using Seconds = std::chrono::duration<double>;
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(run.options.seconds));
  while (!hopeless(run)) {
    const auto now = Clock::now();
    run.stopping = now >= end;
    if (run.stopping && (busy_count(clients) == 0 || now > end + kGrace)) return;
    for (Client& client : clients) {
      if (!run.stopping && client.closed()) client.open();
    }
    handle_events(run);
  }
}

// Runs one exchange on every connection, in batches.
void ask_all(Run& run, std::vector<Client>& clients) {
  const auto deadline = Clock::now() + 3 * kGrace;
  size_t next = 0;
  while (!hopeless(run) && Clock::now() < deadline) {
    const size_t busy = busy_count(clients);
    if (busy == 0 && next == clients.size()) return;
    for (size_t room = kIdleBatch - busy; room > 0 && next < clients.size(); --room) {
      clients[next++].begin();
    }
    handle_events(run);
  }
}

void run_idle(Run& run, std::vector<Client>& clients) {
  ask_all(run, clients);
  std::puts("ready");
  std::fflush(stdout);
  char go = 0;
  if (read(STDIN_FILENO, &go, 1) != 1) return;
  ask_all(run, clients);
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<LoadOptions> options = bench::parse_load_options({argv, static_cast<size_t>(argc)});
  if (!options || options->mode == LoadMode::resume) {
    std::fputs("usage: load closed|newconn|websocket|idle --port P --request FILE [...]\n", stderr);
    return 2;
  }
  bench::prepare_process();
  Run run;
  run.options = std::move(*options);
  if (run.options.mode == LoadMode::websocket) run.frame = masked_frame(run.options.expect);
  std::vector<Client> clients(run.options.connections, Client(run));
  const auto begin = Clock::now();
  if (run.options.mode == LoadMode::idle) {
    run_idle(run, clients);
  } else {
    run_timed(run, clients);
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  bench::print_result(run.tally, took.count(), busy_count(clients));
}
