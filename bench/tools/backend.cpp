// SPDX-License-Identifier: Apache-2.0
// A fast single-threaded HTTP/1.1 backend, which should cost less than any proxy in front of it.
//
//   GET  /bytes/N   N bytes of the pattern
//   GET  /chunked   1 KiB of the pattern in four chunks
//   GET  /ws        WebSocket echo after an upgrade
//   POST /echo      the body back (Content-Length only)
//   POST /upload    discards the body, responds with its size
//   anything else   404
//
// usage: backend PORT
#include "loopback.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include <strings.h>

namespace {

using std::size_t;
using std::string;
using std::string_view;
using std::uint64_t;

constexpr size_t kReadSize = 256 << 10;
constexpr uint64_t kBufferedBody = 64 << 10;  // longer bodies are written from the pattern directly
constexpr size_t kWriteSize = 256 << 10;
constexpr int kWritesPerTurn = 8;  // so that a large download does not starve the other connections

// The load generator always sends the key of RFC 6455 section 1.3, which has this accept value.
constexpr string_view kSampleKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr string_view kUpgrade =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

const string g_pattern = bench::pattern(1 << 20);
char g_input[kReadSize];

bool equals(string_view a, string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

uint64_t number(string_view digits) {
  uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

struct Head {
  size_t size = 0;
  string_view method;
  string_view path;
  string_view websocket_key;
  uint64_t content_length = 0;
  bool chunked = false;
  bool close = false;
};

void read_field(Head& head, string_view line) {
  const size_t colon = line.find(':');
  if (colon == string_view::npos) return;
  const string_view name = line.substr(0, colon);
  string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  if (equals(name, "content-length")) head.content_length = number(value);
  if (equals(name, "connection")) head.close = equals(value, "close");
  if (equals(name, "transfer-encoding")) head.chunked = true;
  if (equals(name, "sec-websocket-key")) head.websocket_key = value;
}

// Returns std::nullopt until the empty line has arrived. The path of a malformed request line is
// empty.
std::optional<Head> parse_head(string_view in) {
  const size_t end = in.find("\r\n\r\n");
  if (end == string_view::npos) return std::nullopt;
  Head head;
  head.size = end + 4;
  size_t at = in.find("\r\n");
  const string_view line = in.substr(0, at);
  const size_t first = line.find(' ');
  const size_t second = first == string_view::npos ? first : line.find(' ', first + 1);
  if (second != string_view::npos) {
    head.method = line.substr(0, first);
    head.path = line.substr(first + 1, second - first - 1);
  }
  while (at < end) {
    const size_t next = in.find("\r\n", at + 2);
    read_field(head, in.substr(at + 2, next - at - 2));
    at = next;
  }
  return head;
}

class Connection {
 public:
  Connection(int fd, bench::Epoll& epoll) : fd_(fd), epoll_(epoll) { epoll.add(fd, EPOLLIN, this); }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Returns false if the connection is finished and must be deleted.
  bool on_event(std::uint32_t events) {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !receive()) return false;
    for (;;) {
      if (!answer_all()) return false;
      const bool generating = generate_ > 0;
      if (!write_out()) return false;
      // Otherwise a request may have waited for the end of the body.
      if (!generating || generate_ > 0) break;
    }
    return !(closing_ && discard_ == 0 && drained());
  }

 private:
  bool drained() const { return written_ == out_.size() && generate_ == 0; }

  bool receive() {
    if (discard_ > 0) return receive_discarding();
    const ssize_t got = recv(fd_, g_input, sizeof g_input, 0);
    if (got > 0) in_.append(g_input, static_cast<size_t>(got));
    return got > 0 || (got < 0 && errno == EAGAIN);
  }

  // MSG_TRUNC discards the bytes inside the kernel, so an upload is not copied here.
  bool receive_discarding() {
    const ssize_t got =
        recv(fd_, nullptr, static_cast<size_t>(std::min<uint64_t>(discard_, 1 << 20)), MSG_TRUNC);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    discard_ -= static_cast<uint64_t>(got);
    if (discard_ == 0) answer(std::to_string(upload_size_));
    return true;
  }

  // Responds to the complete requests in in_, in order. Returns false if one is malformed.
  bool answer_all() {
    while (!closing_ && discard_ == 0 && generate_ == 0 && !in_.empty()) {
      if (websocket_) return echo_frames();
      const std::optional<Head> head = parse_head(in_);
      if (!head) return true;
      if (head->path.empty() || head->chunked) return false;
      if (head->path == "/echo" && in_.size() < head->size + head->content_length) return true;
      closing_ = head->close;
      in_.erase(0, respond(*head));
    }
    return true;
  }

  // Responds to the request in in_. Returns its size.
  size_t respond(const Head& head) {
    const string_view body = string_view(in_).substr(head.size);
    if (head.method == "POST" && head.path == "/upload") return upload(head, body.size());
    if (head.method == "POST" && head.path == "/echo") {
      answer(body.substr(0, head.content_length));
      return head.size + head.content_length;
    }
    if (head.path == "/ws" && head.websocket_key == kSampleKey) {
      out_ += kUpgrade;
      websocket_ = true;
    } else if (head.path.starts_with("/bytes/")) {
      answer_pattern(number(head.path.substr(7)));
    } else if (head.path == "/chunked") {
      answer_chunked();
    } else {
      out_ += "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    }
    return head.size;
  }

  size_t upload(const Head& head, size_t available) {
    const size_t taken = std::min<uint64_t>(available, head.content_length);
    upload_size_ = head.content_length;
    discard_ = head.content_length - taken;
    if (discard_ == 0) answer(std::to_string(upload_size_));
    return head.size + taken;
  }

  void answer_head(uint64_t size) {
    out_ +=
        "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        "Content-Type: text/plain\r\nContent-Length: ";
    out_ += std::to_string(size);
    out_ += closing_ ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n";
  }

  void answer(string_view body) {
    answer_head(body.size());
    out_ += body;
  }

  void answer_pattern(uint64_t size) {
    if (size <= kBufferedBody) return answer(string_view(g_pattern).substr(0, size));
    answer_head(size);
    generate_ = size;
    generated_ = 0;
  }

  void answer_chunked() {
    out_ += "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (size_t i = 0; i < 4; ++i) {
      out_ += "100\r\n";
      out_.append(g_pattern, i * 256, 256);
      out_ += "\r\n";
    }
    out_ += "0\r\n\r\n";
  }

  // Echoes masked frames of up to 64 KiB unmasked (RFC 6455 section 5.3).
  bool echo_frames() {
    size_t at = 0;
    while (in_.size() - at >= 2) {
      const auto byte = [&](size_t i) { return static_cast<unsigned char>(in_[at + i]); };
      size_t length = byte(1) & 0x7f;
      const size_t prefix = length < 126 ? 2 : 4;
      if (length == 127 || (byte(1) & 0x80) == 0) return false;
      if (in_.size() - at < prefix) break;
      if (length == 126) length = static_cast<size_t>(byte(2) << 8 | byte(3));
      const size_t payload = at + prefix + 4;
      if (in_.size() < payload + length) break;
      for (size_t i = 0; i < length; ++i) {
        in_[payload + i] = static_cast<char>(in_[payload + i] ^ in_[payload - 4 + (i & 3)]);
      }
      out_ += in_[at];
      out_ += static_cast<char>(byte(1) & 0x7f);
      if (prefix == 4) out_.append(in_, at + 2, 2);
      out_.append(in_, payload, length);
      at = payload + length;
    }
    in_.erase(0, at);
    return true;
  }

  bool write_out() {
    bool blocked = false;
    while (!blocked && written_ < out_.size()) {
      const ssize_t sent = write_some(string_view(out_).substr(written_), blocked);
      if (sent < 0) return false;
      written_ += static_cast<size_t>(sent);
    }
    if (written_ == out_.size()) {
      out_.clear();
      written_ = 0;
    }
    for (int i = 0; !blocked && generate_ > 0; ++i) {
      const size_t offset = generated_ % 23;
      const size_t size = static_cast<size_t>(std::min<uint64_t>(generate_, kWriteSize));
      const ssize_t sent = write_some(string_view(g_pattern).substr(offset, size), blocked);
      if (sent < 0) return false;
      generated_ += static_cast<uint64_t>(sent);
      generate_ -= static_cast<uint64_t>(sent);
      if (i == kWritesPerTurn) break;
    }
    watch_writable(!drained());
    return true;
  }

  // Returns the number of bytes that the socket accepted, or -1 if the connection is broken.
  ssize_t write_some(string_view bytes, bool& blocked) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    blocked = true;
    return errno == EAGAIN ? 0 : -1;
  }

  void watch_writable(bool wanted) {
    if (wanted == watching_) return;
    watching_ = wanted;
    epoll_.modify(fd_, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
  }

  int fd_;
  bench::Epoll& epoll_;
  string in_;
  string out_;
  size_t written_ = 0;      // of out_
  uint64_t generate_ = 0;   // body bytes to send from the pattern
  uint64_t generated_ = 0;  // body bytes sent
  uint64_t discard_ = 0;    // upload bytes to discard
  uint64_t upload_size_ = 0;
  bool websocket_ = false;
  bool closing_ = false;
  bool watching_ = false;  // for EPOLLOUT
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: backend PORT\n", stderr);
    return 2;
  }
  bench::serve<Connection>(std::atoi(argv[1]));
}
