// SPDX-License-Identifier: Apache-2.0
//
// A final response without content arrives before the upload is complete, for every pair of HTTP
// versions of client and backend. The upload continues, and the backend gets all of it.

#include <onehop/reverse_proxy.hpp>
#include <onehop/server.hpp>
#include <onehop/testing.hpp>
#include <onehop/transport.hpp>

#include "support/h2_frames.hpp"
#include "support/messages.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace onehop::literals;
using namespace std::chrono_literals;
using testing::Network;
using ::testing::StartsWith;
using testing::Wire;

constexpr std::size_t kFrame = 16'384;
constexpr std::size_t kSize = 100'000;  // more than an in-memory connection buffers

std::string data_frames(std::string_view content, bool end) {
  std::string text;
  do {
    const std::string_view piece = content.substr(0, kFrame);
    content.remove_prefix(piece.size());
    const std::uint8_t flags = end && content.empty() ? h2_frames::kEndStream : 0;
    text += h2_frames::frame(h2_frames::data, flags, 1, piece);
  } while (!content.empty());
  return text;
}

// A client with one upload, or a backend that gets it.
class Peer {
 public:
  Peer(Wire its_wire, bool is_http2) : http2(is_http2), wire(std::move(its_wire)) {}

  // Reads the bytes that have arrived.
  void look() {
    std::string got = wire.receive();
    if (!http2) {
      text += got;
      return;
    }
    raw_ += got;
    for (const h2_frames::Frame& frame : h2_frames::take_frames(raw_)) {
      if (frame.type == h2_frames::settings && frame.flags == 0) {
        wire.send(h2_frames::frame(h2_frames::settings, h2_frames::kAck, 0));
      }
      if (frame.type == h2_frames::ping && frame.flags == 0) {
        wire.send(h2_frames::frame(h2_frames::ping, h2_frames::kAck, 0, frame.payload));
      }
      if (frame.stream != 1) continue;
      if (frame.type == h2_frames::data) content += frame.payload;
      if (frame.type == h2_frames::rst_stream) was_reset = true;
      const bool may_end = frame.type == h2_frames::headers || frame.type == h2_frames::data;
      if (may_end && (frame.flags & h2_frames::kEndStream) != 0) ended = true;
    }
  }
  // Returns the content of the request that the backend has received so far.
  std::string_view got() {
    look();
    if (http2) return content;
    const std::size_t at = text.find("\r\n\r\n");
    return std::string_view(text).substr(at == std::string::npos ? text.size() : at + 4);
  }

  const bool http2;
  Wire wire;
  std::string text;     // HTTP/1: everything
  std::string content;  // HTTP/2
  bool ended = false;
  bool was_reset = false;

 private:
  std::string raw_;
};

struct Kind {
  std::string_view method;
  std::string_view status;
};
constexpr Kind kKinds[] = {
    {"PUT", "201"}, {"PUT", "204"}, {"PUT", "304"}, {"HEAD", "200"}, {"PUT", "413"}};

class EarlyAnswerTest : public ::testing::TestWithParam<std::tuple<bool, bool, int>> {
 protected:
  EarlyAnswerTest() {
    network_.listen("backend:80");
    Transport::Options transport;
    transport.dialer = network_.dialer();
    ReverseProxy::Options proxy;
    proxy.rewrite = [](ProxyRequest& request) {
      request.set_url(backend_is_http2() ? "h2c://backend:80"_url : "http://backend:80"_url);
    };
    transport_ = std::make_shared<Transport>(transport);
    proxy.transport = transport_;
    network_.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(proxy)),
                   exchanges_.watch({}));
  }

  static bool client_is_http2() { return std::get<0>(GetParam()); }
  static bool backend_is_http2() { return std::get<1>(GetParam()); }
  static const Kind& kind() { return kKinds[std::get<2>(GetParam())]; }

  Peer client() { return Peer(network_.connect("proxy:80"), client_is_http2()); }
  Peer backend() {
    Peer peer(network_.accept("backend:80"), backend_is_http2());
    if (peer.http2) {
      constexpr std::uint32_t kInitialWindowSize = 4;
      const std::string window = h2_frames::number(1 << 20, 4);
      peer.wire.send(h2_frames::frame(h2_frames::settings, 0, 0,
                                      h2_frames::number(kInitialWindowSize, 2) + window) +
                     h2_frames::frame(h2_frames::window_update, 0, 0, window));
    }
    return peer;
  }

  static void begin(Peer& client, std::string_view content) {
    const std::string length = std::to_string(kSize);
    if (!client.http2) {
      client.wire.send(std::string(kind().method) + " / HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                       length + "\r\n\r\n" + std::string(content));
      return;
    }
    client.wire.send(std::string(h2_frames::kPreface) +
                     h2_frames::frame(h2_frames::settings, 0, 0) +
                     h2_frames::head(1,
                                     h2_frames::block({{":method", kind().method},
                                                       {":scheme", "http"},
                                                       {":path", "/"},
                                                       {":authority", "h"},
                                                       {"content-length", length}}),
                                     false) +
                     data_frames(content, content.size() == kSize));
  }
  static void go_on(Peer& client, std::string_view content) {
    client.wire.send(client.http2 ? data_frames(content, true) : std::string(content));
  }
  static void answer(Peer& backend) {
    const bool has_length = kind().status != "204";
    if (backend.http2) {
      backend.wire.send(h2_frames::frame(h2_frames::headers,
                                         h2_frames::kEndHeaders | h2_frames::kEndStream, 1,
                                         h2_frames::block({{":status", kind().status}})));
    } else {
      backend.wire.send("HTTP/1.1 " + std::string(kind().status) + " x\r\n" +
                        (has_length ? "Content-Length: 0\r\n\r\n" : "\r\n"));
    }
  }
  static void expect_answer(Peer& client) {
    client.look();
    if (client.http2) {
      EXPECT_TRUE(client.ended);
      EXPECT_EQ(client.content, "");
      EXPECT_FALSE(client.was_reset);
    } else {
      EXPECT_THAT(client.text, StartsWith("HTTP/1.1 " + std::string(kind().status)));
    }
  }

  Network network_;
  test::ExchangeLog exchanges_;
  std::shared_ptr<Transport> transport_;
};

std::string name_of(const ::testing::TestParamInfo<EarlyAnswerTest::ParamType>& info) {
  const auto& [client, backend, kind] = info.param;
  std::string name(kKinds[kind].method);
  name.append(kKinds[kind].status).append(client ? "H2" : "H1").append(backend ? "H2c" : "H1");
  return name;
}

INSTANTIATE_TEST_SUITE_P(All,
                         EarlyAnswerTest,
                         ::testing::Combine(::testing::Bool(),
                                            ::testing::Bool(),
                                            ::testing::Range(0, 5)),
                         name_of);

TEST_P(EarlyAnswerTest, LetsTheUploadContinue) {
  const std::string content(kSize, 'c');
  Peer client = this->client();
  begin(client, content.substr(0, 10));
  Peer backend = this->backend();
  EXPECT_EQ(backend.got(), content.substr(0, 10));
  answer(backend);
  expect_answer(client);
  EXPECT_EQ(exchanges_.size(), 0u);
  go_on(client, content.substr(10));
  EXPECT_EQ(backend.got().size(), kSize);
  EXPECT_FALSE(backend.was_reset);
  EXPECT_EQ(backend.ended, backend.http2);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
  EXPECT_EQ(exchanges_.last().request_body, kSize);
  EXPECT_EQ(transport_->statistics().open, 1u);
}

// Some of the upload may still be on its way to a slow backend when the client leaves.
TEST_P(EarlyAnswerTest, DeliversAnUploadSentBeforeTheClientLeaves) {
  const std::string content(kSize, 'c');
  Peer client = this->client();
  begin(client, content.substr(0, 10));
  Peer backend = this->backend();
  backend.look();
  backend.wire.limit_receiving(1000);
  client.look();
  go_on(client, content.substr(10));
  answer(backend);
  expect_answer(client);
  client.wire.close();
  if (!backend.http2) {
    EXPECT_EQ(exchanges_.size(), 0u);  // over HTTP/2, the connection keeps the rest
  }
  network_.advance(30s);
  backend.wire.limit_receiving(no_limit);
  EXPECT_EQ(backend.got().size(), kSize);
  EXPECT_FALSE(backend.was_reset);
  EXPECT_EQ(backend.ended, backend.http2);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
}

// Neither the client nor its connection waits for a backend that has stalled.
TEST_P(EarlyAnswerTest, EndsAStalledUpload) {
  Peer client = this->client();
  begin(client, "0123456789");
  Peer backend = this->backend();
  backend.look();
  answer(backend);
  expect_answer(client);
  for (int i = 0; i < 10; ++i) {
    if (i == 6) {
      EXPECT_EQ(exchanges_.size(), 0u) << "after 54 s";
    }
    network_.advance(9s);
    client.look();
    backend.look();
  }
  EXPECT_EQ(exchanges_.size(), 1u);
  EXPECT_TRUE(backend.http2 ? backend.was_reset : backend.wire.at_end());
}

}  // namespace
}  // namespace onehop
