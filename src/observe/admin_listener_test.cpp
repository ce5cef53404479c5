// SPDX-License-Identifier: Apache-2.0
#include "observe/admin_listener.hpp"

#include "observe/admin_pages.hpp"
#include "support/test_certificates.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

TlsServerOptions with(const TlsCertificate& certificate) {
  TlsServerOptions tls;
  tls.certificates = {certificate};
  return tls;
}

std::string fingerprint_of(const AdminListener& listener) {
  return listener.server().certificates().front().sha256;
}

TEST(AdminListenerTest, AnUpdateReplacesTheCertificateAndKeepsTheAddress) {
  TestCertificates authority;
  const TlsCertificate first = authority.sign("first", "DNS:first.example");
  const TlsCertificate second = authority.sign("second", "DNS:second.example");
  AdminListener listener({.address = "https://127.0.0.1:0", .tls = with(first)});
  const auto pages = std::make_shared<const AdminPages>(std::vector<AdminPage>(), AdminRules());
  ASSERT_TRUE(listener.open(pages));
  listener.accept();
  const std::string address = listener.address();
  const std::string before = fingerprint_of(listener);

  const auto updated = listener.update(with(second));
  ASSERT_TRUE(updated) << updated.error().detail();
  const std::string after = fingerprint_of(listener);
  EXPECT_NE(after, before);
  EXPECT_EQ(listener.address(), address);

  EXPECT_FALSE(listener.update(with({.chain_file = "/nowhere", .key_file = "/nowhere"})));
  EXPECT_EQ(fingerprint_of(listener), after) << "a failure changes nothing";
}

TEST(AdminListenerTest, AnUpdateFailsIfTheNextStepFails) {
  TestCertificates authority;
  AdminListener listener(
      {.address = "https://127.0.0.1:0", .tls = with(authority.sign("first", "DNS:a.example"))});
  ASSERT_TRUE(
      listener.open(std::make_shared<const AdminPages>(std::vector<AdminPage>(), AdminRules())));
  listener.accept();
  const std::string before = fingerprint_of(listener);
  const TlsServerOptions next = with(authority.sign("second", "DNS:b.example"));

  const auto refused =
      listener.update(next, [] { return failure(Errc::bad_option, Side::local, "not now"); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail(), "not now");
  EXPECT_EQ(fingerprint_of(listener), before);

  bool is_called = false;
  EXPECT_FALSE(listener.update(with({.chain_file = "/nowhere", .key_file = "/nowhere"}), [&] {
    is_called = true;
    return Result<void>();
  }));
  EXPECT_FALSE(is_called) << "what is not ready is not followed";

  ASSERT_TRUE(listener.update(next, [&] {
    EXPECT_EQ(fingerprint_of(listener), before) << "until then nothing has changed";
    return Result<void>();
  }));
  EXPECT_NE(fingerprint_of(listener), before);
}

}  // namespace
}  // namespace onehop::observe
