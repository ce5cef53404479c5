// SPDX-License-Identifier: Apache-2.0
// The backend of the h2c workloads: HTTP/2 by prior knowledge, one thread, no logs.
//
//   GET  /bytes/N   N bytes of the pattern
//   POST /echo      the body back
//   anything else   404
//
// usage: backend_h2 PORT
#include "loopback.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include <nghttp2/nghttp2.h>

namespace {

using std::size_t;
using std::string;
using std::string_view;

constexpr size_t kReadSize = 256 << 10;
constexpr size_t kWriteSize = 256 << 10;  // collected for one send
constexpr size_t kPeriod = 23;            // of the pattern
constexpr size_t kLargestFrame = 16 << 10;
constexpr std::uint32_t kStreams = 256;
constexpr std::uint32_t kWindow = 1 << 20;

const string g_pattern = bench::pattern(kLargestFrame + kPeriod);
std::uint8_t g_input[kReadSize];

struct Stream {
  string path;
  string echo;
  bool echoing = false;
  size_t size = 0;  // of the response body
  size_t sent = 0;
};

nghttp2_nv field(string_view name, string_view value) {
  const auto bytes = [](string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

ssize_t read_body(nghttp2_session*,
                  std::int32_t,
                  std::uint8_t* out,
                  size_t room,
                  std::uint32_t* flags,
                  nghttp2_data_source* source,
                  void*) {
  auto* stream = static_cast<Stream*>(source->ptr);
  size_t size = std::min({room, kLargestFrame, stream->size - stream->sent});
  const char* from = stream->echoing ? stream->echo.data() + stream->sent
                                     : g_pattern.data() + stream->sent % kPeriod;
  std::memcpy(out, from, size);
  stream->sent += size;
  if (stream->sent == stream->size) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(size);
}

int answer(nghttp2_session* session, std::int32_t id, Stream& stream) {
  constexpr string_view kBytes = "/bytes/";
  const bool pattern = stream.path.starts_with(kBytes);
  stream.echoing = stream.path == "/echo";
  if (pattern) {
    const char* digits = stream.path.data() + kBytes.size();
    std::from_chars(digits, stream.path.data() + stream.path.size(), stream.size);
  } else if (stream.echoing) {
    stream.size = stream.echo.size();
  }
  const string length = std::to_string(stream.size);
  nghttp2_nv length_field = field("content-length", length);
  length_field.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
  const std::array fields{field(":status", pattern || stream.echoing ? "200" : "404"),
                          field("server", "bench"), field("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
                          field("content-type", "text/plain"), length_field};
  nghttp2_data_provider body{};
  body.source.ptr = &stream;
  body.read_callback = read_body;
  return nghttp2_submit_response(session, id, fields.data(), fields.size(),
                                 stream.size == 0 ? nullptr : &body);
}

Stream* stream_of(nghttp2_session* session, std::int32_t id) {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
}

int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void*) {
  // Owned by the session's stream until on_stream_close.
  return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, new Stream);
}

int on_header(nghttp2_session* session,
              const nghttp2_frame* frame,
              const std::uint8_t* name,
              size_t name_size,
              const std::uint8_t* value,
              size_t value_size,
              std::uint8_t,
              void*) {
  if (string_view(reinterpret_cast<const char*>(name), name_size) == ":path") {
    Stream* stream = stream_of(session, frame->hd.stream_id);
    stream->path.assign(reinterpret_cast<const char*>(value), value_size);
  }
  return 0;
}

int on_data(nghttp2_session* session,
            std::uint8_t,
            std::int32_t id,
            const std::uint8_t* data,
            size_t size,
            void*) {
  stream_of(session, id)->echo.append(reinterpret_cast<const char*>(data), size);
  return 0;
}

int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void*) {
  const bool message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (!message || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  return answer(session, frame->hd.stream_id, *stream_of(session, frame->hd.stream_id));
}

int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t, void*) {
  delete stream_of(session, id);
  return 0;
}

nghttp2_session_callbacks* callbacks() {
  nghttp2_session_callbacks* all = nullptr;
  nghttp2_session_callbacks_new(&all);
  nghttp2_session_callbacks_set_on_begin_headers_callback(all, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(all, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(all, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(all, on_stream_close);
  return all;
}

class Connection {
 public:
  Connection(int fd, bench::Epoll& epoll) : fd_(fd), epoll_(epoll) {
    static nghttp2_session_callbacks* const shared = callbacks();
    nghttp2_session_server_new(&session_, shared, nullptr);
    const std::array settings{
        nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kStreams},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindow);
    epoll.add(fd, EPOLLIN, this);
  }
  ~Connection() {
    nghttp2_session_del(session_);  // calls no callbacks, so an open Stream is leaked once per run
    close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Returns false if the connection is finished and must be deleted.
  bool on_event(std::uint32_t events) {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !receive()) return false;
    return write_out() && (nghttp2_session_want_read(session_) != 0 ||
                           nghttp2_session_want_write(session_) != 0 || !out_.empty());
  }

 private:
  bool receive() {
    const ssize_t got = recv(fd_, g_input, sizeof g_input, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    return nghttp2_session_mem_recv(session_, g_input, static_cast<size_t>(got)) == got;
  }

  bool write_out() {
    for (;;) {
      if (!collect()) return false;
      if (out_.empty()) return watch_writable(false);
      const ssize_t sent = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN && watch_writable(true);
      out_.erase(0, static_cast<size_t>(sent));
    }
  }

  bool collect() {
    while (out_.size() < kWriteSize) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size <= 0) return size == 0;
      out_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    }
    return true;
  }

  bool watch_writable(bool wanted) {
    if (wanted != watching_) epoll_.modify(fd_, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
    watching_ = wanted;
    return true;
  }

  int fd_;
  bench::Epoll& epoll_;
  nghttp2_session* session_ = nullptr;
  string out_;
  bool watching_ = false;  // for EPOLLOUT
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: backend_h2 PORT\n", stderr);
    return 2;
  }
  bench::serve<Connection>(std::atoi(argv[1]));
}
