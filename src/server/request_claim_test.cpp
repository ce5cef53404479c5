// SPDX-License-Identifier: Apache-2.0
//
// The memory promised for requests in progress, over both versions of HTTP, and its release at
// their end.
#include "wire/request_claim.hpp"

#include <onehop/scope.hpp>

#include "base/promised_memory.hpp"
#include "http/h2/session.hpp"
#include "server/worker.hpp"
#include "support/h2_frames.hpp"
#include "support/messages.hpp"
#include "support/tls_stream_pair.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using h2_frames::frame;

class RequestClaimTest : public test::TlsStreamPair {
 protected:
  RequestClaimTest() : enter_(reactor_), common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    *common_->settings.options = exchanges_.options();
    worker_ =
        std::make_unique<Worker>(reactor_, common_, make_handler([](Request) -> task<Response> {
                                   co_await sleep_for(1s);
                                   co_return Response(Status::ok, "done");
                                 }));
    report_promised_memory();
    before_ = promised_memory();
  }
  void adopt(std::unique_ptr<net::Stream> stream) {
    worker_->adopt(std::move(stream), AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"),
                   false);
    settle();
  }
  std::size_t promised() const {
    report_promised_memory();
    return promised_memory() - before_;
  }
  void pass_a_second() {
    reactor_.set_time(reactor_.now() + 1s);
    settle();
  }

  static constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

  const io::Reactor::Enter enter_;
  test::ExchangeLog exchanges_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
  std::size_t before_ = 0;
};

TEST_F(RequestClaimTest, PromisesMemoryForAnHttp1Request) {
  join();
  adopt(std::move(near_));
  EXPECT_EQ(promised(), 0u);
  far_->try_write(kGet, std::string_view(kGet).size());
  settle();
  EXPECT_EQ(promised(), wire::kRequestClaim);
  pass_a_second();
  EXPECT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(promised(), 0u);
}

TEST_F(RequestClaimTest, PromisesMemoryForAnHttp1RequestOverTls) {
  connect();
  const std::size_t handshakes = promised();
  adopt(std::move(server_));
  client_->try_write(kGet, std::string_view(kGet).size());
  settle();
  EXPECT_EQ(promised() - handshakes, wire::kRequestClaim + wire::kTlsClaim);
  pass_a_second();
  EXPECT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(promised(), handshakes);
}

// Each request has a promise of its own, and the connection has one for its output.
TEST_F(RequestClaimTest, PromisesMemoryForEachHttp2Request) {
  join();
  adopt(std::move(near_));
  std::string data(h2_frames::kPreface);
  data += frame(h2_frames::settings, 0, 0);
  const std::string head = h2_frames::block(
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}});
  for (std::size_t i = 0; i < 2; ++i) {
    data += frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream,
                  static_cast<std::uint32_t>(1 + 2 * i), head);
    far_->try_write(data.data(), data.size());
    settle();
    data.clear();
    EXPECT_EQ(promised(), h2::Session::kMinMemory + (i + 1) * wire::kRequestClaim);
  }
  pass_a_second();
  EXPECT_EQ(exchanges_.size(), 2u);
  EXPECT_EQ(promised(), 0u);
}

}  // namespace
}  // namespace onehop::server
