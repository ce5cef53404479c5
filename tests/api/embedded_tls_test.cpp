// SPDX-License-Identifier: Apache-2.0
//
// A server inside a larger program that reloads its certificates on request, with real sockets and
// files.
#include <onehop/onehop.hpp>
#include <onehop/testing.hpp>

#include "support/test_certificates.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EmbeddedTls : public ::testing::Test {
 protected:
  EmbeddedTls() : server_(options()) {}

  // Turns automatic reloading off, so that every reload is explicit.
  Server::Options options() {
    use(old_, "old.example");
    TlsServerOptions tls;
    tls.certificates.emplace_back();
    tls.certificates.back().chain_file = chain_file();
    tls.certificates.back().key_file = key_file();
    tls.watch_files = false;
    Server::Options options;
    options.listen = "127.0.0.1:0";
    options.workers = 1;
    options.tls = tls;
    options.log = [](LogLevel, std::string_view) {};
    return options;
  }
  std::string chain_file() const { return old_.path("in-use.pem"); }
  std::string key_file() const { return old_.path("in-use.key"); }
  // Installs a certificate of this authority where the server reads it.
  void use(TestCertificates& authority, const std::string& name) {
    constexpr auto kReplace = std::filesystem::copy_options::overwrite_existing;
    const TlsCertificate made = authority.sign(name, "DNS:" + name + ",IP:127.0.0.1");
    std::filesystem::copy_file(made.chain_file, chain_file(), kReplace);
    std::filesystem::copy_file(made.key_file, key_file(), kReplace);
  }
  void start() {
    ASSERT_TRUE(server_.start(testing::recorder(Status::ok, "served")));
    ASSERT_EQ(server_.addresses().size(), 1u);
  }
  // Fetches over a new connection that trusts this authority.
  std::string fetch_trusting(const TestCertificates& authority) {
    Transport::Options options;
    options.tls.ca_file = authority.ca_file();
    return testing::run(fetch(Transport(options), "https://" + server_.addresses().front()));
  }
  std::vector<std::string> names() const {
    const auto all = server_.certificates();
    return all.empty() ? std::vector<std::string>() : all.front().names;
  }

  static task<std::string> fetch(Transport transport, std::string url) {
    auto response = co_await transport.round_trip(Request(Method::get, Url::parse(url).value()));
    if (!response) co_return std::string(response.error().detail());
    auto text = co_await response->body().read_all(1000);
    co_return text ? std::string(*text) : std::string(text.error().detail());
  }

  TestCertificates old_;
  TestCertificates new_;
  Server server_;
};

TEST_F(EmbeddedTls, NewConnectionsGetAReloadedCertificate) {
  start();
  EXPECT_THAT(names(), ElementsAre("old.example", "127.0.0.1"));
  EXPECT_EQ(fetch_trusting(old_), "served");
  use(new_, "new.example");
  EXPECT_EQ(fetch_trusting(old_), "served") << "nobody has asked for it yet";
  const auto reloaded = server_.reload_tls();
  ASSERT_TRUE(reloaded) << reloaded.error().to_string();
  EXPECT_THAT(names(), ElementsAre("new.example", "127.0.0.1"));
  EXPECT_EQ(fetch_trusting(new_), "served");
  EXPECT_THAT(fetch_trusting(old_), HasSubstr("certificate not accepted"));
}

TEST_F(EmbeddedTls, AFailedReloadKeepsTheOldCertificate) {
  start();
  const auto shown = server_.certificates();
  for (const std::string& broken : {chain_file(), key_file()}) {
    use(new_, "new.example");
    std::ofstream(broken) << "no such thing\n";
    const auto reloaded = server_.reload_tls();
    ASSERT_FALSE(reloaded);
    EXPECT_TRUE(reloaded.error().is(Errc::bad_option));
    EXPECT_THAT(std::string(reloaded.error().detail()), HasSubstr(broken));
    ASSERT_EQ(server_.certificates().size(), 1u);
    EXPECT_EQ(server_.certificates().front().sha256, shown.front().sha256);
    EXPECT_EQ(fetch_trusting(old_), "served");
  }
  std::filesystem::remove(chain_file());
  EXPECT_FALSE(server_.reload_tls());
  EXPECT_EQ(fetch_trusting(old_), "served");
  use(new_, "new.example");
  EXPECT_TRUE(server_.reload_tls());
  EXPECT_EQ(fetch_trusting(new_), "served");
}

TEST_F(EmbeddedTls, ReloadMayHaveNothingToRead) {
  EXPECT_TRUE(server_.certificates().empty());
  EXPECT_TRUE(server_.reload_tls()) << "it was not started yet";
  Server in_clear;
  EXPECT_TRUE(in_clear.reload_tls());

  Server::Options options = this->options();
  options.tls->certificates.clear();
  options.tls->self_signed = true;
  Server self_signed(options);
  ASSERT_TRUE(self_signed.start(testing::recorder(Status::ok, "")));
  ASSERT_EQ(self_signed.certificates().size(), 1u);
  const std::string shown = self_signed.certificates().front().sha256;
  EXPECT_TRUE(self_signed.reload_tls());
  EXPECT_EQ(self_signed.certificates().front().sha256, shown) << "clients may have noted it";
}

TEST_F(EmbeddedTls, AReloadChangesWhoseClientsASelfSignedServerAccepts) {
  Server::Options options = this->options();
  const std::string authorities = old_.path("clients.pem");
  std::filesystem::copy_file(old_.ca_file(), authorities);
  options.tls->certificates.clear();
  options.tls->self_signed = true;
  options.tls->client_ca_file = authorities;
  options.tls->client_auth = ClientAuth::required;
  Server server(options);
  ASSERT_TRUE(server.start(testing::recorder(Status::ok, "served")));
  const std::string shown = server.certificates().front().sha256;
  const auto fetch_as = [&server](TestCertificates& authority) {
    Transport::Options client;
    client.tls.insecure = true;
    client.tls.certificate = authority.sign("client", "DNS:client");
    return testing::run(fetch(Transport(client), "https://" + server.addresses().front()));
  };
  EXPECT_EQ(fetch_as(old_), "served");
  EXPECT_NE(fetch_as(new_), "served");
  std::filesystem::copy_file(new_.ca_file(), authorities,
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE(server.reload_tls());
  EXPECT_EQ(fetch_as(new_), "served");
  EXPECT_NE(fetch_as(old_), "served");
  EXPECT_EQ(server.certificates().front().sha256, shown);
}

}  // namespace
}  // namespace onehop
