// SPDX-License-Identifier: Apache-2.0
#include "config/listeners.hpp"

#include "config/configuration.hpp"
#include "config/setting_kinds.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::HasSubstr;

TEST(Listeners, NameSocketsOfTheServiceManager) {
  EXPECT_EQ(inherited_name("fd:web"), "web");
  EXPECT_EQ(inherited_name("http://fd:onehop.socket"), "onehop.socket");
  EXPECT_EQ(inherited_name("https://fd:web"), "web");
  EXPECT_EQ(inherited_name("redirect://fd:plain"), "plain");
  EXPECT_EQ(inherited_name("fd:"), "");
  EXPECT_EQ(inherited_name(":8080"), std::nullopt);
  EXPECT_EQ(inherited_name("unix:fd:web"), std::nullopt);
  EXPECT_EQ(inherited_name("[fd::1]:80"), std::nullopt);
}

TEST(Listeners, AcceptSocketsOfTheServiceManager) {
  EXPECT_EQ(ListenAddress::parse("fd:web").value(), "fd:web");
  EXPECT_EQ(ListenAddress::parse("https://fd:web").value(), "https://fd:web");
  EXPECT_THAT(ListenAddress::parse("https://fd:").error(), HasSubstr("fd:NAME"));
  EXPECT_TRUE(is_https("https://fd:web", true));
  EXPECT_TRUE(is_https("fd:web", true));
  EXPECT_FALSE(is_https("redirect://fd:web", true));
  EXPECT_EQ(address_of_listener("redirect://fd:web"), "http://fd:web");
}

TEST(Listeners, MustIncludeTheProxyProtocolListeners) {
  Configuration configuration;
  configuration.listen = {":80", "127.0.0.1:81", "fd:web"};
  const auto problem = [&](std::vector<std::string> peers, std::vector<std::string> listeners) {
    configuration.server.proxy_protocol = std::move(peers);
    configuration.server.proxy_protocol_listeners = std::move(listeners);
    const Contradictions found = apply_listeners(configuration, true);
    return found.empty() ? std::string() : found.front().why;
  };
  EXPECT_EQ(problem({}, {}), "");
  EXPECT_EQ(problem({"unix"}, {}), "");
  EXPECT_EQ(problem({"unix"}, {":80", "http://127.0.0.1:81", "fd:web"}), "");
  EXPECT_EQ(problem({}, {":80"}),
            "--proxy-protocol-listen is for --proxy-protocol CIDR, which is not set");
  EXPECT_EQ(problem({"unix"}, {":80", "127.0.0.2:81"}),
            "--proxy-protocol-listen 127.0.0.2:81 is not one of the listeners: write it as in "
            "--listen");
  EXPECT_NE(problem({"unix"}, {"fd:other"}), "");
}

TEST(Listeners, MayUseTheCertificateOnlyForTheAdminPages) {
  Configuration configuration;
  configuration.server.tls.emplace();
  configuration.listen = {"http://:80"};
  ASSERT_EQ(apply_listeners(configuration, true).size(), 1U);
  EXPECT_EQ(apply_listeners(configuration, true).front().setting, "tls");
  configuration.admin.address = "https://127.0.0.1:9090";
  EXPECT_TRUE(apply_listeners(configuration, true).empty());
}

TEST(FileSettings, MayBeCredentials) {
  ::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
  EXPECT_EQ(CertificateFile::parse("credential:chain").value(), "/run/credentials/x/chain");
  EXPECT_EQ(KeyFile::parse("credential:key").value(), "/run/credentials/x/key");
  EXPECT_EQ(File::parse("credential:ca").value(), "/run/credentials/x/ca");
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

}  // namespace
}  // namespace onehop::config
