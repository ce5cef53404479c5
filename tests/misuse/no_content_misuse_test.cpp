// SPDX-License-Identifier: Apache-2.0
//
// Clients and backends that break the rules about whether a message has content: 100-continue,
// HEAD, 204 and 304. Runs between any two HTTP versions, over real sockets and with several
// workers, so that ThreadSanitizer covers it. Each response must belong to its own request, be
// well-formed, and have content only if it may.
#include <onehop/reverse_proxy.hpp>
#include <onehop/server.hpp>
#include <onehop/transport.hpp>

#include "io/file_descriptor.hpp"
#include "support/asking_client.hpp"
#include "support/h1_message.hpp"
#include "support/h2_frames.hpp"
#include "support/h2_peer.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace onehop {
namespace {

using namespace std::chrono_literals;
using h2_frames::block;
using h2_frames::frame;
using h2_frames::kEndHeaders;
using h2_frames::kEndStream;
using test::H1Message;
using test::H2Peer;
using test::Protocol;
using ::testing::IsEmpty;

constexpr auto kPatience = 20s;
constexpr std::string_view kContent = "hello";

// --- sockets -----------------------------------------------------------------------------------

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

class Socket {
 public:
  explicit Socket(io::FileDescriptor descriptor) : descriptor_(std::move(descriptor)) {
    const int on = 1;
    ::setsockopt(descriptor_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  static Socket to(std::uint16_t port) {
    io::FileDescriptor descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port);
    const auto* const any = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(::connect(descriptor.get(), any, sizeof address), 0);
    return Socket(std::move(descriptor));
  }

  void send(std::string_view data) {
    while (!data.empty()) {
      const ssize_t sent = ::send(descriptor_.get(), data.data(), data.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the peer has closed; reading reports it
      data.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Returns the bytes that arrive within `time`; "" if there are none or the peer has closed.
  std::string receive(std::chrono::milliseconds time) {
    pollfd wait{.fd = descriptor_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, static_cast<int>(time.count())) <= 0) return {};
    std::string data(16'384, '\0');
    const ssize_t got = ::recv(descriptor_.get(), data.data(), data.size(), 0);
    if (got <= 0) ended_ = true;
    data.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return data;
  }
  bool has_ended() const noexcept { return ended_; }
  int get() const noexcept { return descriptor_.get(); }

 private:
  io::FileDescriptor descriptor_;
  bool ended_ = false;
};

// --- the backend -------------------------------------------------------------------------------

// How a backend responds to a request.
struct Misuse {
  enum class Framing : std::uint8_t { none, length, chunked };

  std::string_view name;
  int status = 200;
  Framing framing = Framing::length;
  bool content_at_any_rate = false;  // even if the method or the status forbids it
  int continues = 0;                 // the number of 100 responses before it, solicited or not
  bool continue_has_length = false;
  bool early = false;  // responds without a 100 and does not wait for the content
};

using Framing = Misuse::Framing;

constexpr Misuse kMisuses[] = {
    {"well"},
    {"204", 204, Framing::none},
    {"204 with a length", 204, Framing::length},
    {"204 with content", 204, Framing::length, true},
    {"204 with chunks", 204, Framing::chunked, true},
    {"304", 304, Framing::none},
    {"304 with a length", 304, Framing::length},
    {"304 with content", 304, Framing::length, true},
    {"304 with chunks", 304, Framing::chunked, true},
    {"content to HEAD", 200, Framing::length, true},
    {"chunks to HEAD", 200, Framing::chunked, true},
    {"100 unasked", 200, Framing::length, false, 1},
    {"100 three times", 200, Framing::length, false, 3},
    {"100 with a length", 200, Framing::length, false, 1, true},
    {"100, then 204 with content", 204, Framing::length, true, 1},
    {"early", 200, Framing::length, false, 0, false, true},
    {"early 417", 417, Framing::length, false, 0, false, true},
    {"early 204 with content", 204, Framing::length, true, 0, false, true},
};

bool may_have_content(int status, std::string_view method) {
  return method != "HEAD" && status != 204 && status != 304;
}

// Each request names its misuse in X-Misuse and its id in X-Id.
const Misuse& misuse_of(const test::Lines& fields) {
  const std::string index(test::value_of(fields, "x-misuse"));
  return kMisuses[index.empty() ? 0 : std::stoul(index)];
}

class Backend {
 public:
  explicit Backend(Protocol protocol)
      : protocol_(protocol), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), any, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    EXPECT_EQ(::getsockname(listener_.get(), any, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  ~Backend() {
    over_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::uint16_t port() const noexcept { return port_; }

 private:
  void accept_all() {
    std::vector<std::thread> threads;
    for (;;) {
      const int accepted = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted < 0) break;
      threads.emplace_back([this, accepted] {
        Socket socket{io::FileDescriptor(accepted)};
        if (protocol_ == Protocol::h1) {
          serve_h1(socket);
        } else {
          serve_h2(socket);
        }
      });
    }
    for (std::thread& each : threads)
      each.join();
  }

  void serve_h1(Socket& socket) const {
    std::string input;
    bool continued = false;
    bool answered = false;
    while (!over_ && !socket.has_ended()) {
      const H1Message request = test::read_h1_request(input);
      if (request.has_head && !answered) {
        const Misuse& misuse = misuse_of(request.fields);
        const bool expects = !test::value_of(request.fields, "expect").empty();
        const int continues = std::max(misuse.continues, expects && !misuse.early ? 1 : 0);
        if (!std::exchange(continued, true)) {
          for (int i = 0; i < continues; ++i)
            socket.send(misuse.continue_has_length
                            ? "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n"
                            : "HTTP/1.1 100 Continue\r\n\r\n");
        }
        if (request.is_whole() || misuse.early) {
          answered = true;
          socket.send(h1_response(misuse, request.method, test::value_of(request.fields, "x-id")));
        }
      }
      if (request.is_whole()) {
        input.erase(0, request.size);
        continued = answered = false;
        if (!input.empty()) continue;
      }
      input += socket.receive(50ms);
    }
  }
  static std::string h1_response(const Misuse& misuse,
                                 std::string_view method,
                                 std::string_view id) {
    std::string text = "HTTP/1.1 " + std::to_string(misuse.status) + " X\r\nX-Id: ";
    text += id;
    if (misuse.framing == Framing::length) text += "\r\nContent-Length: 5";
    if (misuse.framing == Framing::chunked) text += "\r\nTransfer-Encoding: chunked";
    text += "\r\n\r\n";
    if (!misuse.content_at_any_rate && !may_have_content(misuse.status, method)) return text;
    if (misuse.framing == Framing::length) text += kContent;
    if (misuse.framing == Framing::chunked) text += "5\r\nhello\r\n0\r\n\r\n";
    return text;
  }

  void serve_h2(Socket& socket) const {
    H2Peer peer;
    socket.send(frame(h2_frames::settings, 0, 0));
    std::set<std::uint32_t> continued;
    std::set<std::uint32_t> answered;
    while (!over_ && !socket.has_ended()) {
      peer.take(socket.receive(50ms));
      socket.send(peer.replies());
      for (const auto& [stream, request] : peer.streams()) {
        if (stream == 0 || !request.has_head || request.reset || answered.contains(stream))
          continue;
        const Misuse& misuse = misuse_of(request.head);
        const bool expects = !test::value_of(request.head, "expect").empty();
        const int continues = std::max(misuse.continues, expects && !misuse.early ? 1 : 0);
        if (continued.insert(stream).second) {
          std::string lines = block({{":status", "100"}});
          if (misuse.continue_has_length) lines += block({{"content-length", "5"}});
          for (int i = 0; i < continues; ++i)
            socket.send(frame(h2_frames::headers, kEndHeaders, stream, lines));
        }
        if (!request.ended && !misuse.early) continue;
        answered.insert(stream);
        socket.send(h2_response(misuse, stream, request.head));
      }
    }
  }
  static std::string h2_response(const Misuse& misuse,
                                 std::uint32_t stream,
                                 const test::Lines& head) {
    std::string lines =
        block({{":status", std::to_string(misuse.status)}, {"x-id", test::value_of(head, "x-id")}});
    if (misuse.framing == Framing::length) lines += block({{"content-length", "5"}});
    const bool has_content = misuse.framing != Framing::none &&
                             (misuse.content_at_any_rate ||
                              may_have_content(misuse.status, test::value_of(head, ":method")));
    const int flags = has_content ? kEndHeaders : kEndHeaders | kEndStream;
    std::string data = frame(h2_frames::headers, static_cast<std::uint8_t>(flags), stream, lines);
    if (has_content) data += frame(h2_frames::data, kEndStream, stream, kContent);
    return data;
  }

  Protocol protocol_;
  io::FileDescriptor listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

// --- the client --------------------------------------------------------------------------------

// The request of a client.
struct Ask {
  std::string_view name;
  std::string_view method = "GET";
  bool has_content = false;
  bool chunked = false;
  bool expects = false;
  bool waits = false;  // for the 100, or a final response
};

constexpr Ask kAsks[] = {
    {"GET"},
    {"HEAD", "HEAD"},
    {"POST", "POST", true},
    {"chunked POST", "POST", true, true},
    {"POST that waits", "POST", true, false, true, true},
    {"POST that expects and does not wait", "POST", true, false, true},
    {"chunked POST that expects and does not wait", "POST", true, true, true},
    {"GET that expects without content", "GET", false, false, true},
    {"HEAD with content", "HEAD", true},
    {"HEAD with chunks", "HEAD", true, true},
    {"HEAD that waits with content", "HEAD", true, false, true, true},
    {"HEAD that expects without content", "HEAD", false, false, true},
};

struct Got {
  int status = 0;
  std::string id = {};
  std::string content = {};
  bool whole = false;
  bool goes_on = false;  // the connection accepts another request
  std::string problem = {};
};

// A connection of either HTTP version, for one request at a time.
class Client {
 public:
  explicit Client(Socket socket) : socket_(std::move(socket)) {}
  virtual ~Client() = default;
  virtual Got ask(const Ask& ask,
                  std::string_view to,
                  std::size_t misuse,
                  const std::string& id) = 0;

 protected:
  bool is_too_late() const noexcept { return std::chrono::steady_clock::now() > give_up_; }
  void begin() { give_up_ = std::chrono::steady_clock::now() + kPatience; }

  Socket socket_;

 private:
  std::chrono::steady_clock::time_point give_up_;
};

class H1Client final : public Client {
 public:
  using Client::Client;

  Got ask(const Ask& ask, std::string_view to, std::size_t misuse, const std::string& id) override {
    begin();
    std::string head(ask.method);
    head += " / HTTP/1.1\r\nHost: " + std::string(to) + "\r\nX-Id: " + id +
            "\r\nX-Misuse: " + std::to_string(misuse) + "\r\n";
    std::string content;
    if (ask.has_content && ask.chunked) {
      head += "Transfer-Encoding: chunked\r\n";
      content = "5\r\nhello\r\n0\r\n\r\n";
    } else if (ask.has_content) {
      head += "Content-Length: 5\r\n";
      content = kContent;
    }
    if (ask.expects) head += "Expect: 100-continue\r\n";
    head += "\r\n";
    socket_.send(ask.waits ? head : head + content);
    bool waits = ask.waits;
    for (;;) {
      const H1Message message = test::read_h1_response(input_, ask.method, socket_.has_ended());
      if (message.is_whole() || message.state == H1Message::State::malformed ||
          socket_.has_ended()) {
        Got got = finish(message);
        // a 100 may have arrived with it and asks for the content
        got.goes_on = got.goes_on && !waits;
        return got;
      }
      if (is_too_late()) return {.problem = "no response: " + input_};
      // A final response is read to its end; a 100 asks for the content.
      if (waits && !message.has_head && input_.find("\r\n\r\n") != std::string::npos) {
        waits = false;
        socket_.send(content);
      }
      input_ += socket_.receive(100ms);
    }
  }

 private:
  Got finish(const H1Message& message) {
    Got got;
    got.status = message.status;
    got.id = test::value_of(message.fields, "x-id");
    got.content = message.body;
    got.whole = message.is_whole();
    if (message.state == H1Message::State::malformed) got.problem = "malformed: " + input_;
    if (!got.whole) return got;
    const std::string_view connection = test::value_of(message.fields, "connection");
    input_.erase(0, message.size);
    if (!input_.empty()) got.problem = "bytes after the response: " + input_;
    got.goes_on = connection.find("close") == std::string_view::npos && !socket_.has_ended();
    return got;
  }

  std::string input_;
};

class H2Client final : public Client {
 public:
  explicit H2Client(Socket socket) : Client(std::move(socket)) {
    socket_.send(std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0));
  }

  Got ask(const Ask& ask, std::string_view to, std::size_t misuse, const std::string& id) override {
    begin();
    stream_ += 2;
    std::string lines = block({{":method", ask.method},
                               {":scheme", "http"},
                               {":authority", to},
                               {":path", "/"},
                               {"x-id", id},
                               {"x-misuse", std::to_string(misuse)}});
    if (ask.has_content && !ask.chunked) lines += block({{"content-length", "5"}});
    if (ask.expects) lines += block({{"expect", "100-continue"}});
    const int flags = ask.has_content ? kEndHeaders : kEndHeaders | kEndStream;
    std::string data = frame(h2_frames::headers, static_cast<std::uint8_t>(flags), stream_, lines);
    std::string content;
    if (ask.has_content) content = frame(h2_frames::data, kEndStream, stream_, kContent);
    socket_.send(ask.waits ? data : data + content);
    bool waits = ask.waits;
    for (;;) {
      const std::string more = socket_.receive(100ms);
      peer_.take(more);
      socket_.send(peer_.replies());
      const H2Peer::Message& message = peer_.streams()[stream_];
      if (message.ended || message.reset || socket_.has_ended()) return finish(message);
      if (is_too_late()) return {.problem = "no response"};
      // The peer does not report a 100, so a head on the stream is enough.
      if (waits && has_head_frame(more)) {
        waits = false;
        if (!message.has_head) socket_.send(content);
      }
    }
  }

 private:
  bool has_head_frame(const std::string& more) {
    data_ += more;
    bool found = false;
    for (const h2_frames::Frame& each : h2_frames::take_frames(data_))
      found = found || (each.type == h2_frames::headers && each.stream == stream_);
    return found;
  }
  Got finish(const H2Peer::Message& message) {
    Got got;
    const std::string status(test::value_of(message.head, ":status"));
    got.status = status.empty() ? 0 : std::stoi(status);
    got.id = test::value_of(message.head, "x-id");
    got.content = message.body;
    got.whole = message.ended && message.reset.value_or(0) == 0;
    got.goes_on = !socket_.has_ended() && !peer_.has_said_goodbye();
    return got;
  }

  H2Peer peer_;
  std::string data_;
  std::uint32_t stream_ = 0xffff'ffffU;  // the first is 1
};

// --- all of them -------------------------------------------------------------------------------

class NoContentMisuse : public ::testing::Test {
 protected:
  NoContentMisuse() {
    Transport::Options transport;
    transport.expect_continue_timeout = 20ms;  // for backends that never send 100
    ReverseProxy::Options proxy;
    proxy.transport = std::make_shared<Transport>(transport);
    proxy.rewrite = [one = url("http", h1_), two = url("h2c", h2_)](ProxyRequest& request) {
      request.set_url(request.in().host() == "h1" ? one : two);
    };
    Server::Options options;
    options.listen = "127.0.0.1:0";
    options.workers = 2;
    options.log = [](LogLevel, std::string_view) {};
    server_ = std::make_unique<Server>(options);
    const auto started = server_->start(std::make_shared<ReverseProxy>(std::move(proxy)));
    EXPECT_TRUE(started) << started.error().to_string();
    const std::string address = server_->addresses().front();
    port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }
  static Url url(const char* scheme, const Backend& backend) {
    return Url::parse(std::string(scheme) + "://127.0.0.1:" + std::to_string(backend.port()))
        .value();
  }
  std::unique_ptr<Client> connect(Protocol protocol) const {
    if (protocol == Protocol::h1) return std::make_unique<H1Client>(Socket::to(port_));
    return std::make_unique<H2Client>(Socket::to(port_));
  }

  // Sends each of kAsks with each of kMisuses, reusing connections as long as possible.
  void ask_all(Protocol protocol, std::string_view backend) {
    std::unique_ptr<Client> client = connect(protocol);
    const std::string who =
        (protocol == Protocol::h1 ? "HTTP/1 to " : "HTTP/2 to ") + std::string(backend) + ", ";
    int number = 0;
    for (const Ask& ask : kAsks) {
      for (std::size_t i = 0; i < std::size(kMisuses); ++i) {
        const std::string id = who + std::to_string(number++);
        const std::string what = who + std::string(ask.name) + ", " + std::string(kMisuses[i].name);
        const Got got = client->ask(ask, backend, i, id);
        if (auto problem = judge(got, ask, kMisuses[i], id); !problem.empty())
          note(what + ": " + problem);
        if (!got.goes_on) client = connect(protocol);
        const std::string next_id = id + " next";
        const Got next = client->ask({"GET"}, backend, 0, next_id);
        if (!next.whole || next.status != 200 || next.id != next_id || next.content != kContent)
          note(what + ", and then: " + describe(next));
        if (!next.goes_on) client = connect(protocol);
        ++asked_;
      }
    }
  }
  static std::string describe(const Got& got) {
    return std::to_string(got.status) + (got.whole ? " whole \"" : " broken \"") + got.content +
           "\" id " + got.id + " " + got.problem;
  }
  static std::string judge(const Got& got,
                           const Ask& ask,
                           const Misuse& misuse,
                           const std::string& id) {
    if (!got.problem.empty()) return describe(got);
    // A misuse may cause a 502, or end a response that has begun.
    const bool is_wrong = misuse.content_at_any_rate || misuse.continue_has_length;
    if (!got.whole && (got.status == 0 || got.status == misuse.status) && is_wrong) return {};
    if (!got.whole) return "not whole: " + describe(got);
    if (got.status == 502 && is_wrong) return {};
    if (got.status != misuse.status) return "another status: " + describe(got);
    if (got.id != id) return "another request's: " + describe(got);
    const bool has_content =
        misuse.framing != Framing::none && may_have_content(misuse.status, ask.method);
    if (got.content != (has_content ? kContent : "")) return "other content: " + describe(got);
    return {};
  }
  void note(std::string problem) {
    const std::lock_guard lock(mutex_);
    problems_.push_back(std::move(problem));
  }

  Backend h1_{Protocol::h1};
  Backend h2_{Protocol::h2};
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> problems_;
  std::atomic<std::size_t> asked_ = 0;
};

TEST_F(NoContentMisuse, DoesNotMixUpResponses) {
  std::vector<std::thread> threads;
  for (const Protocol protocol : {Protocol::h1, Protocol::h2}) {
    for (const char* backend : {"h1", "h2"})
      threads.emplace_back([this, protocol, backend] { ask_all(protocol, backend); });
  }
  for (std::thread& each : threads)
    each.join();
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_EQ(asked_, 4 * std::size(kAsks) * std::size(kMisuses));
  EXPECT_TRUE(server_->stop(5s));
}

}  // namespace
}  // namespace onehop
