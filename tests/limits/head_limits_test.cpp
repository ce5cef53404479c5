// SPDX-License-Identifier: Apache-2.0
//
// Limits of heads over every pair of versions of HTTP: a head at its limit passes, also after the
// proxy has added to it, and one that is a byte larger costs that request alone.
#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "support/h1_message.hpp"
#include "support/h2_peer.hpp"
#include "support/messages.hpp"

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::test {
namespace {

using h2_frames::frame;

constexpr std::size_t kLineOverhead = 32;
constexpr std::string_view kHost = "h";
constexpr std::size_t kHostField = 4 + kHost.size() + kLineOverhead;
// Long enough for heads to need several frames, short enough for one field.
constexpr std::size_t kLongestValue = 20'000;
constexpr int kMostTurns = 100;

struct Limits {
  const char* name;
  std::size_t line;    // of the request line
  std::size_t bytes;   // of the fields
  std::size_t fields;  // how many
};
constexpr Limits kDefaults = {"Defaults", 16 * 1024, 64 * 1024, 256};
constexpr Limits kSmall = {"Small", 100, 600, 5};
constexpr Limits kRaised = {"Raised", 60 * 1024, 1024 * 1024, 3000};

enum class What : std::uint8_t {
  request_line,
  request_bytes,
  request_fields,
  response_bytes,
  response_fields
};
const char* name_of(What what) {
  switch (what) {
    case What::request_line:
      return "RequestLine";
    case What::request_bytes:
      return "RequestBytes";
    case What::request_fields:
      return "RequestFields";
    case What::response_bytes:
      return "ResponseBytes";
    case What::response_fields:
      return "ResponseFields";
  }
  return "";
}
bool is_of_request(What what) {
  return what == What::request_line || what == What::request_bytes || what == What::request_fields;
}

// Fields that count exactly so much.
Lines fields_of(std::size_t bytes) {
  Lines lines;
  while (bytes > 0) {
    const std::string name = "x-" + std::to_string(1000 + lines.size());
    const std::size_t overhead = name.size() + kLineOverhead;
    std::size_t size = std::min(bytes - overhead, kLongestValue);
    const std::size_t rest = bytes - overhead - size;
    if (rest > 0 && rest < 2 * overhead) size -= 2 * overhead;  // what is left has room for one
    lines.emplace_back(name, std::string(size, 'v'));
    bytes -= overhead + size;
  }
  return lines;
}
Lines short_fields(std::size_t count) {
  Lines lines;
  for (std::size_t i = 0; i < count; ++i)
    lines.emplace_back("x-" + std::to_string(1000 + i), "v");
  return lines;
}

std::string h1_fields(const Lines& lines) {
  std::string text;
  for (const auto& [name, value] : lines)
    text += name + ": " + value + "\r\n";
  return text;
}
std::vector<Field> h2_fields(std::vector<Field> fields, const Lines& lines) {
  for (const auto& [name, value] : lines)
    fields.push_back({name, value});
  return fields;
}

struct Reply {
  int status = 0;
  bool is_whole = false;
  Lines fields;
};

// A client or a backend, in one version of HTTP.
class Client {
 public:
  virtual ~Client() = default;
  virtual void ask(std::string_view path, const Lines& fields) = 0;
  virtual Reply reply() = 0;
  virtual bool is_over() = 0;
};

class H1Client final : public Client {
 public:
  explicit H1Client(testing::Wire wire) : wire_(std::move(wire)) {}
  void ask(std::string_view path, const Lines& fields) override {
    input_.clear();
    wire_.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(kHost) + "\r\n" +
               h1_fields(fields) + "\r\n");
  }
  Reply reply() override {
    input_ += wire_.receive();
    const H1Message message = read_h1_response(input_, "GET", wire_.at_end());
    return {message.status, message.is_whole(), message.fields};
  }
  bool is_over() override { return wire_.at_end(); }

 private:
  testing::Wire wire_;
  std::string input_;
};

class H2Client final : public Client {
 public:
  explicit H2Client(testing::Wire wire) : wire_(std::move(wire)) {
    wire_.send(std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0));
  }
  void ask(std::string_view path, const Lines& fields) override {
    stream_ += 2;
    const std::vector<Field> all = h2_fields(
        {{":method", "GET"}, {":scheme", "http"}, {":path", path}, {":authority", kHost}}, fields);
    wire_.send(h2_frames::head(stream_, h2_frames::block(all), true));
  }
  Reply reply() override {
    peer_.take(wire_.receive());
    const H2Peer::Message& message = peer_.streams()[stream_];
    Reply reply;
    if (message.has_head) reply.status = std::stoi(std::string(value_of(message.head, ":status")));
    reply.is_whole = message.ended && message.reset.value_or(0) == 0;
    reply.fields = message.head;
    return reply;
  }
  bool is_over() override { return wire_.at_end() || peer_.has_said_goodbye(); }

 private:
  testing::Wire wire_;
  H2Peer peer_;
  std::uint32_t stream_ = std::uint32_t(-1);
};

class Backend {
 public:
  virtual ~Backend() = default;
  // The fields of the request that has come last; nothing when none has.
  virtual std::optional<Lines> asked() = 0;
  virtual void answer(const Lines& fields) = 0;
  // More of the last answer goes out.
  virtual void go_on() = 0;
};

class H1Backend final : public Backend {
 public:
  explicit H1Backend(testing::Network& network) : network_(network) {}
  std::optional<Lines> asked() override {
    try {
      connections_.push_back({network_.accept("backend:80"), {}});
    } catch (const std::out_of_range&) {  // none but those that are here
    }
    for (Connection& connection : connections_) {
      connection.input += connection.wire.receive();
      const H1Message message = read_h1_request(connection.input);
      if (!message.is_whole()) continue;
      connection.input.clear();
      last_ = &connection.wire;
      Lines fields = message.fields;
      fields.emplace_back(":path", message.target);
      return fields;
    }
    return std::nullopt;
  }
  void answer(const Lines& fields) override {
    last_->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + h1_fields(fields) + "\r\n");
  }
  void go_on() override {
    if (last_) last_->send({});
  }

 private:
  struct Connection {
    testing::Wire wire;
    std::string input;
  };
  testing::Network& network_;
  std::list<Connection> connections_;
  testing::Wire* last_ = nullptr;
};

class H2Backend final : public Backend {
 public:
  explicit H2Backend(testing::Network& network) : network_(network) {}
  std::optional<Lines> asked() override {
    if (!wire_) {
      try {
        wire_.emplace(network_.accept("backend:80"));
      } catch (const std::out_of_range&) {
        return std::nullopt;
      }
      wire_->send(frame(h2_frames::settings, 0, 0));
    }
    peer_.take(wire_->receive());
    wire_->send(peer_.replies());
    for (auto& [stream, message] : peer_.streams()) {
      if (stream <= last_ || !message.ended) continue;
      last_ = stream;
      return message.head;
    }
    return std::nullopt;
  }
  void answer(const Lines& fields) override {
    const std::vector<Field> all = h2_fields({{":status", "200"}, {"content-length", "0"}}, fields);
    wire_->send(h2_frames::head(last_, h2_frames::block(all), true));
  }
  void go_on() override {
    if (wire_) wire_->send({});
  }

 private:
  testing::Network& network_;
  std::optional<testing::Wire> wire_;
  H2Peer peer_;
  std::uint32_t last_ = 0;
};

using Case = std::tuple<const Limits*, What, bool, bool>;

class HeadLimits : public ::testing::TestWithParam<Case> {
 protected:
  HeadLimits() {
    network_.listen("backend:80");
    Transport::Options transport;
    transport.network = &network_;
    transport.max_response_header_bytes = limits().bytes;
    transport.max_response_header_fields = limits().fields;
    Server::Options server;
    server.max_request_line = limits().line;
    server.max_header_bytes = limits().bytes;
    server.max_header_fields = limits().fields;
    ReverseProxy::Options proxy;
    proxy.transport = std::make_shared<Transport>(transport);
    const char* const url = std::get<3>(GetParam()) ? "h2c://backend:80" : "http://backend:80";
    proxy.rewrite = [url, this](ProxyRequest& request) {
      request.set_url(Url::parse(url).value());
      request.out().headers().set("X-Added", added_);
    };
    proxy.modify_response = [this](Response& response) {
      response.headers().set("X-Added", added_);
      return Result<void>();
    };
    network_.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(proxy)),
                   exchanges_.watch(std::move(server)));
    testing::Wire wire = network_.connect("proxy:80");
    if (std::get<2>(GetParam())) {
      client_ = std::make_unique<H2Client>(std::move(wire));
    } else {
      client_ = std::make_unique<H1Client>(std::move(wire));
    }
    if (std::get<3>(GetParam())) {
      backend_ = std::make_unique<H2Backend>(network_);
    } else {
      backend_ = std::make_unique<H1Backend>(network_);
    }
  }

  static const Limits& limits() { return *std::get<0>(GetParam()); }
  static What what() { return std::get<1>(GetParam()); }

  static std::string path(std::size_t past) {
    constexpr std::size_t kRest = std::string_view("GET  HTTP/1.1").size();
    return "/" + std::string(limits().line - kRest - 1 + past, 'p');
  }
  // Without the Host field.
  static Lines request(std::size_t past) {
    if (what() == What::request_bytes) return fields_of(limits().bytes - kHostField + past);
    if (what() == What::request_fields) return short_fields(limits().fields - 1 + past);
    return {};
  }
  // Without Content-Length: 0.
  static Lines response(std::size_t past) {
    constexpr std::size_t kLength = std::string_view("content-length0").size() + kLineOverhead;
    if (what() == What::response_bytes) return fields_of(limits().bytes - kLength + past);
    if (what() == What::response_fields) return short_fields(limits().fields - 1 + past);
    return {};
  }
  static int refusal() {
    if (what() == What::request_line) return 414;
    return is_of_request(what()) ? 431 : 502;
  }

  std::string path_of(std::size_t past) const {
    return what() == What::request_line ? path(past) : "/";
  }
  // What has come at last: a wire takes only so much at once.
  std::optional<Lines> asked() {
    for (int i = 0; i < kMostTurns; ++i) {
      if (auto fields = backend_->asked()) return fields;
      if (client_->reply().is_whole) break;
    }
    return std::nullopt;
  }
  Reply reply() {
    Reply reply;
    for (int i = 0; i < kMostTurns && !reply.is_whole; ++i) {
      backend_->go_on();
      reply = client_->reply();
    }
    return reply;
  }
  void expect_to_pass(const std::string& path, const Lines& request, const Lines& response) {
    client_->ask(path, request);
    const std::optional<Lines> asked = this->asked();
    ASSERT_TRUE(asked) << client_->reply().status;
    EXPECT_EQ(value_of(*asked, ":path"), path);
    EXPECT_EQ(value_of(*asked, "x-added"), added_);
    for (const auto& [name, value] : request)
      ASSERT_EQ(value_of(*asked, name), value);
    backend_->answer(response);
    const Reply reply = this->reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.is_whole);
    EXPECT_EQ(value_of(reply.fields, "x-added"), added_);
    for (const auto& [name, value] : response)
      ASSERT_EQ(value_of(reply.fields, name), value);
  }

  const std::string added_ = std::string(50'000, 'a');  // by the proxy, to every head
  ExchangeLog exchanges_;
  testing::Network network_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Backend> backend_;
};

TEST_P(HeadLimits, AHeadAtItsLimitPassesAndOneByteMoreCostsThatRequestAlone) {
  expect_to_pass(path_of(0), request(0), response(0));
  client_->ask(path_of(1), request(1));
  if (is_of_request(what())) {
    EXPECT_FALSE(asked());
  } else {
    ASSERT_TRUE(asked());
    backend_->answer(response(1));
  }
  const Reply refused = reply();
  EXPECT_EQ(refused.status, refusal());
  EXPECT_TRUE(refused.is_whole);
  EXPECT_EQ(exchanges_.last().status, refusal());
  EXPECT_EQ(exchanges_.last().attempts, is_of_request(what()) ? 0 : 1);
  // A connection of HTTP/1 ends with a request that was not read to its end.
  if (client_->is_over()) {
    EXPECT_FALSE(std::get<2>(GetParam()));
    return;
  }
  expect_to_pass("/", {}, {});
}

std::string name_of_case(const ::testing::TestParamInfo<Case>& tested) {
  const auto& [limits, what, client, backend] = tested.param;
  return std::string(limits->name) + name_of(what) + (client ? "H2" : "H1") + "To" +
         (backend ? "H2" : "H1");
}

INSTANTIATE_TEST_SUITE_P(EveryPair,
                         HeadLimits,
                         ::testing::Combine(::testing::Values(&kDefaults, &kSmall, &kRaised),
                                            ::testing::Values(What::request_line,
                                                              What::request_bytes,
                                                              What::request_fields,
                                                              What::response_bytes,
                                                              What::response_fields),
                                            ::testing::Bool(),
                                            ::testing::Bool()),
                         name_of_case);

// --- far past the limits -----------------------------------------------------------------------

class FarPastTheLimits : public ::testing::Test {
 protected:
  FarPastTheLimits() {
    network_.serve("s:80", make_handler([](Request) { return Response(Status::no_content); }),
                   exchanges_.watch({}));
    client_.emplace(network_.connect("s:80"));
  }
  testing::Network network_;
  ExchangeLog exchanges_;
  std::optional<H2Client> client_;
};

TEST_F(FarPastTheLimits, AHeadThatIsWorthReadingToItsEndIsAnswered) {
  client_->ask("/", fields_of(200 * 1024));
  EXPECT_EQ(client_->reply().status, 431);
  client_->ask("/", {});
  EXPECT_EQ(client_->reply().status, 204) << "the connection goes on";
}

TEST_F(FarPastTheLimits, AHeadThatIsNotEndsItsConnection) {
  client_->ask("/", fields_of(400 * 1024));
  EXPECT_EQ(client_->reply().status, 0);
  EXPECT_TRUE(client_->is_over());
}

}  // namespace
}  // namespace onehop::test
