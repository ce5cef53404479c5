// SPDX-License-Identifier: Apache-2.0
//
// Tests the limits of heads over every pair of HTTP versions: a head at its limit passes, even
// after the proxy has added to it, and a head one byte larger fails only that request.
#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "support/messages.hpp"
#include "support/plain_peers.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::test {
namespace {

constexpr std::size_t kLineOverhead = 32;
constexpr std::size_t kHostField = 4 + kPlainHost.size() + kLineOverhead;
// Long enough that heads need several frames, and short enough for one field.
constexpr std::size_t kLongestValue = 20'000;
constexpr int kMaxTurns = 100;

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

// Returns fields that count as exactly `bytes`.
Lines fields_of(std::size_t bytes) {
  Lines lines;
  while (bytes > 0) {
    const std::string name = "x-" + std::to_string(1000 + lines.size());
    const std::size_t overhead = name.size() + kLineOverhead;
    std::size_t size = std::min(bytes - overhead, kLongestValue);
    const std::size_t rest = bytes - overhead - size;
    if (rest > 0 && rest < 2 * overhead) size -= 2 * overhead;  // the rest has room for a field
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

using Case = std::tuple<const Limits*, What, bool, bool>;

class HeadLimits : public ::testing::TestWithParam<Case> {
 protected:
  HeadLimits() {
    network_.listen("backend:80");
    Transport::Options transport;
    transport.dialer = network_.dialer();
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
    client_ = plain_client(std::get<2>(GetParam()), std::move(wire));
    backend_ = plain_backend(std::get<3>(GetParam()), network_);
  }

  static const Limits& limits() { return *std::get<0>(GetParam()); }
  static What what() { return std::get<1>(GetParam()); }

  static std::string path(std::size_t past) {
    constexpr std::size_t kRest = std::string_view("GET  HTTP/1.1").size();
    return "/" + std::string(limits().line - kRest - 1 + past, 'p');
  }
  // Returns the fields of the request without Host.
  static Lines request(std::size_t past) {
    if (what() == What::request_bytes) return fields_of(limits().bytes - kHostField + past);
    if (what() == What::request_fields) return short_fields(limits().fields - 1 + past);
    return {};
  }
  // Returns the fields of the response without Content-Length: 0.
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
  // Returns the request once it has arrived: a wire accepts only a limited amount at a time.
  std::optional<Lines> asked() {
    for (int i = 0; i < kMaxTurns; ++i) {
      if (auto fields = backend_->asked()) return fields;
      if (client_->reply().is_whole) break;
    }
    return std::nullopt;
  }
  PlainReply reply() {
    PlainReply reply;
    for (int i = 0; i < kMaxTurns && !reply.is_whole; ++i) {
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
    const PlainReply reply = this->reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.is_whole);
    EXPECT_EQ(value_of(reply.fields, "x-added"), added_);
    for (const auto& [name, value] : response)
      ASSERT_EQ(value_of(reply.fields, name), value);
  }

  const std::string added_ = std::string(50'000, 'a');  // by the proxy, to every head
  ExchangeLog exchanges_;
  testing::Network network_;
  std::unique_ptr<PlainClient> client_;
  std::unique_ptr<PlainBackend> backend_;
};

TEST_P(HeadLimits, AHeadAtItsLimitPassesAndOneByteMoreFailsOnlyThatRequest) {
  expect_to_pass(path_of(0), request(0), response(0));
  client_->ask(path_of(1), request(1));
  if (is_of_request(what())) {
    EXPECT_FALSE(asked());
  } else {
    ASSERT_TRUE(asked());
    backend_->answer(response(1));
  }
  const PlainReply refused = reply();
  EXPECT_EQ(refused.status, refusal());
  EXPECT_TRUE(refused.is_whole);
  EXPECT_EQ(exchanges_.last().status, refusal());
  EXPECT_EQ(exchanges_.last().attempts, is_of_request(what()) ? 0 : 1);
  // An HTTP/1 connection ends with a request that was not read completely.
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
  std::optional<PlainH2Client> client_;
};

TEST_F(FarPastTheLimits, AHeadSmallEnoughToReadGets431) {
  client_->ask("/", fields_of(200 * 1024));
  EXPECT_EQ(client_->reply().status, 431);
  client_->ask("/", {});
  EXPECT_EQ(client_->reply().status, 204) << "the connection goes on";
}

TEST_F(FarPastTheLimits, ALargerHeadEndsItsConnection) {
  client_->ask("/", fields_of(400 * 1024));
  EXPECT_EQ(client_->reply().status, 0);
  EXPECT_TRUE(client_->is_over());
}

}  // namespace
}  // namespace onehop::test
