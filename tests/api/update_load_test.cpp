// SPDX-License-Identifier: Apache-2.0
//
// Updates a server a hundred times while clients of every kind send requests. The clients must
// notice nothing but the new responses.
#include <onehop/onehop.hpp>
#include <onehop/testing.hpp>

#include "support/socket_client.hpp"
#include "support/test_certificates.hpp"
#include "support/updated_server.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::test {
namespace {

using namespace std::chrono_literals;
using ::testing::StartsWith;

constexpr int kUpdates = 100;

class EchoTunnel final : public Tunnel {
 public:
  task<Result<bytes>> read() override {
    while (text_.empty() && !closed_)
      co_await written_.wait();
    given_ = std::exchange(text_, {});
    written_.reset();
    co_return bytes(given_);
  }
  task<Result<void>> write(bytes data) override {
    text_ += data;
    written_.set();
    co_return Result<void>();
  }
  void close_write() override {
    closed_ = true;
    written_.set();
  }

 private:
  Event written_;
  bool closed_ = false;
  std::string text_;
  std::string given_;
};

// Responds with its number and whether the TLS session was resumed. Becomes a tunnel on request.
class Numbered final : public Handler {
 public:
  explicit Numbered(int number) : number_(number) {}
  task<Response> serve(Request request) const override {
    if (request.url().path() == "/tunnel") {
      Response response(Status::switching_protocols);
      response.headers().set("Upgrade", "echo");
      response.set_tunnel(std::make_unique<EchoTunnel>());
      co_return response;
    }
    co_await sleep_for(1ms);
    const TlsInfo* const tls = request.connection().tls_info;
    Response response(Status::ok, std::to_string(number_));
    response.headers().set("X-Resumed", tls && tls->resumed ? "yes" : "no");
    co_return response;
  }

 private:
  int number_;
};

// A client on its own thread, which sends requests until stop().
class Asking {
 public:
  Asking(std::string url, Transport::Options options, const std::atomic<int>& updates)
      : transport_(std::move(options)), url_(std::move(url)), updates_(updates) {
    thread_ = std::thread([this] { testing::run(ask()); });
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;
  ~Asking() {
    if (thread_.joinable()) stop();
  }
  void stop() {
    stopping_ = true;
    thread_.join();
  }

  // Returns the failures. Must be called after stop().
  const std::vector<std::string>& failures() const { return failures_; }
  int asked() const { return asked_; }
  int resumed() const { return resumed_; }
  Transport::Statistics statistics() const { return transport_.statistics(); }

 private:
  task<void> ask() {
    while (!stopping_) {
      const int before = updates_;
      Request request(Method::post, Url::parse(url_).value());
      request.set_body(Body::of("content"));
      auto response = co_await transport_.round_trip(std::move(request));
      ++asked_;
      if (!response) {
        failures_.push_back(response.error().to_string());
        continue;
      }
      const bool resumed = response->headers().get("X-Resumed") == "yes";
      resumed_ += resumed ? 1 : 0;
      const auto text = co_await response->body().read_all(100);
      if (response->status() != Status::ok || !text) {
        failures_.push_back("status " + std::to_string(response->status().code()));
      } else if (std::stoi(std::string(*text)) < before) {
        failures_.push_back("an old handler: " + std::string(*text));
      }
    }
  }

  const Transport transport_;
  const std::string url_;
  const std::atomic<int>& updates_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::string> failures_;
  int asked_ = 0;
  int resumed_ = 0;
  std::thread thread_;
};

class UpdateLoad : public UpdatedServer {
 protected:
  UpdateLoad() { certificate_ = authority_.sign("s.example", "DNS:s.example,IP:127.0.0.1"); }

  // Returns options that differ from one number to the next in everything that may change, but not
  // in what clients rely on.
  Server::Options numbered(int number) {
    auto made = options();
    made.listen = {"https://127.0.0.1:0", "http://127.0.0.1:0"};
    if (number % 2 == 1) {
      made.listen = {"https://127.0.0.1:0", "http://127.0.0.1:0", "unix:" + unix_path("s"),
                     "http://127.0.0.1:0"};
    }
    auto& tls = made.tls.emplace();
    tls.certificates.push_back(certificate_);
    tls.handshake_timeout = 10s + std::chrono::seconds(number);
    made.max_streams = 100 + static_cast<std::size_t>(number % 3);
    made.max_header_bytes = 32'768 + static_cast<std::size_t>(number);
    made.max_client_connections = 1000 + static_cast<std::size_t>(number);
    made.defer_accept = number % 4 < 2;
    return made;
  }
  std::string url(std::string_view scheme, std::size_t listener) {
    return std::string(scheme) + "://" + server().addresses()[listener] + "/";
  }
  Transport::Options client_options() const {
    Transport::Options made;
    made.tls.ca_file = authority_.ca_file();
    made.retry_budget = 0.0;
    made.replay_body = 0;
    return made;
  }

  TestCertificates authority_;
  TlsCertificate certificate_;
};

TEST_F(UpdateLoad, DoesNotAffectClients) {
  start(numbered(0), std::make_shared<Numbered>(0));
  std::atomic<int> updates = 0;
  auto each_new = client_options();
  each_new.max_connection_requests = 1;
  each_new.http2 = false;
  auto kept_h1 = client_options();
  kept_h1.http2 = false;
  Asking h1(url("http", 1), kept_h1, updates);
  Asking h2(url("h2c", 1), client_options(), updates);
  Asking tls_h1(url("https", 0), kept_h1, updates);
  Asking tls_h2(url("https", 0), client_options(), updates);
  Asking resuming(url("https", 0), each_new, updates);
  SocketClient tunnel(server().addresses()[1]);
  tunnel.send("GET /tunnel HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  EXPECT_THAT(tunnel.read_response(), StartsWith("HTTP/1.1 101 "));

  const auto addresses = server().addresses();
  for (int i = 1; i <= kUpdates; ++i) {
    update(numbered(i), std::make_shared<Numbered>(i));
    updates = i;
    tunnel.send(std::to_string(i));
    EXPECT_EQ(tunnel.read_some(), std::to_string(i));
    std::this_thread::sleep_for(2ms);
  }
  const std::vector<std::pair<std::string, Asking*>> all{
      {"h1", &h1}, {"h2", &h2}, {"tls h1", &tls_h1}, {"tls h2", &tls_h2}, {"resuming", &resuming}};
  for (const auto& [name, client] : all) {
    SCOPED_TRACE(name);
    client->stop();
    EXPECT_THAT(client->failures(), ::testing::IsEmpty());
    EXPECT_GT(client->asked(), 10);
    EXPECT_EQ(client->statistics().retried, 0u);
    if (client != &resuming) {
      EXPECT_EQ(client->statistics().dialled, 1u);
    }
  }
  EXPECT_EQ(resuming.resumed(), resuming.asked() - 1) << "the first had nothing to resume";
  const ServerMetrics counted = server().metrics();
  EXPECT_EQ(counted.http2.streams_total, static_cast<std::uint64_t>(h2.asked() + tls_h2.asked()));
  EXPECT_EQ(counted.tls.tls1_3_resumed_total, static_cast<std::uint64_t>(resuming.resumed()));
  EXPECT_EQ(counted.tls.duration.count(), static_cast<std::uint64_t>(resuming.asked() + 2));
  EXPECT_EQ(counted.tunnels.open, 1u);
  EXPECT_GT(counted.tunnels.bytes_from_clients_total, 100u);
  EXPECT_EQ(counted.tunnels.bytes_to_clients_total, counted.tunnels.bytes_from_clients_total);
  RequestsInFlight left = server().requests_in_flight(10);
  // A client may have its response shortly before its request has ended.
  for (int i = 0; i < 1000 && !left.requests.empty(); ++i) {
    std::this_thread::sleep_for(5ms);
    left = server().requests_in_flight(10);
  }
  EXPECT_EQ(left.requests.size(), 0u);
  ASSERT_EQ(left.tunnels.size(), 1u);
  EXPECT_EQ(left.tunnels[0].phase, RequestPhase::tunnel);
  EXPECT_EQ(left.tunnels[0].upgrade, "echo");
  EXPECT_EQ(left.tunnels[0].bytes_to_client, counted.tunnels.bytes_to_clients_total);
  EXPECT_EQ(server().addresses()[0], addresses[0]);
  EXPECT_EQ(server().addresses()[1], addresses[1]);
}

}  // namespace
}  // namespace onehop::test
