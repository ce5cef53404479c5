// SPDX-License-Identifier: Apache-2.0
//
// TlsStreamPair is both ends of a TLS connection in memory, on a reactor whose time moves only when
// the test moves it. For tests below the level of messages.
// Thread: owner.
#pragma once

#include "net/memory_stream.hpp"
#include "net/tls_stream.hpp"
#include "net/tls_ticket_keys.hpp"
#include "support/failing_allocation.hpp"
#include "support/test_certificates.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::test {

class TlsStreamPair : public ::testing::Test {
 protected:
  static TestCertificates& certificates() {
    static TestCertificates made;
    return made;
  }
  static const TlsCertificate& for_server() {
    static const TlsCertificate made =
        certificates().sign("server", "DNS:server.example,DNS:*.wild.example,IP:127.0.0.1");
    return made;
  }

  TlsStreamPair() {
    server_options_.certificates = {for_server()};
    client_options_.ca_file = certificates().ca_file();
  }
  ~TlsStreamPair() override {
    server_.reset();
    client_.reset();
    settle();
  }

  void join(std::size_t capacity = std::size_t{64} * 1024) {
    std::tie(near_, far_) = net::make_memory_pair(reactor_, capacity);
    near_raw_ = near_.get();
    far_raw_ = far_.get();
  }
  void make_server() {
    if (!far_) join();
    auto context = net::TlsServerContext::make(server_options_, server_protocols_, keys_);
    ASSERT_TRUE(context) << context.error().to_string();
    server_ = net::TlsServerContext::accept(*context, std::move(far_));
  }
  void make_client(const std::string& host = "server.example") {
    auto context = net::TlsClientContext::make(client_options_);
    ASSERT_TRUE(context) << context.error().to_string();
    client_ = net::TlsClientContext::connect(*context, std::move(near_), host, sessions_,
                                             client_protocols_);
  }
  // Makes a client around a bare OpenSSL object.
  void make_client_with(SSL_CTX* context) {
    net::SslHandle ssl(SSL_new(context));
    raw_ssl_ = ssl.get();
    SSL_set_connect_state(ssl.get());
    client_ = std::make_unique<net::TlsStream>(std::move(near_), std::move(ssl), nullptr);
  }
  void settle() {
    const io::Reactor::Enter enter(reactor_);
    for (int quiet = 0; quiet < 3;)
      quiet = reactor_.run_once(net::Duration::zero()) ? 0 : quiet + 1;
  }
  // Runs both handshakes and stores their errors in server_result_ and client_result_.
  void shake() {
    const io::Reactor::Enter enter(reactor_);
    const net::Time deadline = reactor_.now() + std::chrono::seconds(10);
    task<Result<void>> server = server_->handshake(deadline);
    task<Result<void>> client = client_->handshake(deadline);
    server.start();
    client.start();
    settle();
    if (client.done()) client_result_ = client.take();
    if (!server.done() && client_result_ && !*client_result_) client_.reset();
    settle();
    if (server.done()) server_result_ = server.take();
  }
  enum class Who : std::uint8_t { client, server };
  // Like shake(), but one allocation fails while both handshakes run. Returns the result of `who`.
  Result<void> shake_without_memory(Who who) {
    const io::Reactor::Enter enter(reactor_);
    task<Result<void>> client = client_->handshake(io::kNever);
    client.start();
    task<Result<void>> server = server_->handshake(io::kNever);
    server.start();
    task<Result<void>>& work = who == Who::client ? client : server;
    const FailingAllocation failing(0);
    while (!work.done() && !failing.is_over())
      reactor_.run_once(net::Duration::zero());
    EXPECT_TRUE(failing.is_over());
    EXPECT_TRUE(work.done());
    return work.done() ? work.take() : Result<void>();
  }
  void connect(const std::string& host = "server.example") {
    make_server();
    make_client(host);
    shake();
    ASSERT_TRUE(server_result_ && *server_result_);
    ASSERT_TRUE(client_result_ && *client_result_) << client_result_->error().to_string();
  }
  std::string client_failure() const {
    if (!client_result_) return "still waiting";
    return *client_result_ ? "" : std::string(client_result_->error().detail());
  }
  std::string server_failure() const {
    if (!server_result_) return "still waiting";
    return *server_result_ ? "" : std::string(server_result_->error().detail());
  }
  static net::IoResult write(net::Stream& stream, std::string_view text) {
    return stream.try_write(text.data(), text.size());
  }
  static std::string read(net::Stream& stream) {
    char data[100];
    const net::IoResult got = stream.try_read(data, sizeof data);
    if (got.is_end()) return "end";
    if (got.is_wait()) return "wait";
    if (got.has_failed()) return stream.error_of(got.error(), Side::upstream).to_string();
    return {data, got.count()};
  }

  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_{reactor_};
  TlsServerOptions server_options_;
  TlsClientOptions client_options_;
  net::TlsProtocols server_protocols_{"http/1.1"};
  net::TlsProtocols client_protocols_{"http/1.1"};
  std::shared_ptr<net::TlsTicketKeys> keys_ = std::make_shared<net::TlsTicketKeys>();
  std::shared_ptr<net::TlsSessions> sessions_ = std::make_shared<net::TlsSessions>();
  std::unique_ptr<net::MemoryStream> near_;
  std::unique_ptr<net::MemoryStream> far_;
  net::MemoryStream* near_raw_ = nullptr;
  net::MemoryStream* far_raw_ = nullptr;
  SSL* raw_ssl_ = nullptr;
  std::unique_ptr<net::TlsStream> server_;
  std::unique_ptr<net::TlsStream> client_;
  std::optional<Result<void>> server_result_;
  std::optional<Result<void>> client_result_;
};

}  // namespace onehop::test
