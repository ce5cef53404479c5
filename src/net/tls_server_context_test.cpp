// SPDX-License-Identifier: Apache-2.0
//
// The certificates and authorities that a server accepts, and its messages about the others.
#include "net/tls_context.hpp"
#include "net/tls_handles.hpp"
#include "net/tls_ticket_keys.hpp"
#include "support/test_certificates.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openssl/pem.h>

namespace onehop::net {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TestCertificates& certificates() {
  static TestCertificates made;
  return made;
}

Result<std::shared_ptr<const TlsServerContext>> make(const TlsServerOptions& options) {
  return TlsServerContext::make(options, {"http/1.1"}, std::make_shared<TlsTicketKeys>());
}

std::string refusal(const TlsServerOptions& options) {
  const auto made = make(options);
  EXPECT_FALSE(made);
  return made ? "" : std::string(made.error().detail());
}

TEST(TlsServerContext, RequiresACertificate) {
  EXPECT_THAT(refusal({}), HasSubstr("needs a certificate"));
}

TEST(TlsServerContext, ClientCertificatesRequireAnAuthorityAndClientAuth) {
  TlsServerOptions options;
  options.self_signed = true;
  options.client_auth = ClientAuth::optional;
  EXPECT_THAT(refusal(options), HasSubstr("client_ca_file is not set"));
  options.client_ca_file = certificates().ca_file();
  EXPECT_TRUE(make(options));
  options.client_auth = ClientAuth::none;
  EXPECT_THAT(refusal(options), HasSubstr("does not ask for certificates"));
  options.client_auth = ClientAuth::required;
  options.client_ca_file = "/no/such/file";
  EXPECT_THAT(refusal(options), HasSubstr("/no/such/file"));
}

TEST(TlsServerContext, ACertificateWithoutAlternativeNamesIsForItsCommonName) {
  certificates().openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
      "'/O=Tests/CN=old.example' -keyout old.key -out old.pem");
  TlsServerOptions options;
  options.certificates.emplace_back();
  options.certificates.back().chain_file = certificates().path("old.pem");
  options.certificates.back().key_file = certificates().path("old.key");
  const auto made = make(options);
  ASSERT_TRUE(made) << made.error().to_string();
  ASSERT_EQ((*made)->certificates().size(), 1u);
  EXPECT_THAT((*made)->certificates().front().names, ElementsAre("old.example"));
}

// Makes a certificate and key. The validity begins `from` and ends `until` seconds from now.
TlsCertificate valid(long from, long until) {
  const KeyHandle key(EVP_EC_gen("P-256"));
  const X509Handle certificate(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const auto text_of = [](const BioHandle& memory) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &text);
    return std::string(text, static_cast<std::size_t>(size));
  };
  TlsCertificate made;
  const BioHandle chain(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(chain.get(), certificate.get());
  made.chain_pem = text_of(chain);
  const BioHandle secret(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  made.key_pem = text_of(secret);
  return made;
}

TEST(TlsServerContext, WarnsOfACertificateThatIsNotValidNow) {
  constexpr long kDay = 24 * 60 * 60;
  TlsServerOptions options;
  options.certificates = {valid(kDay, 2 * kDay)};
  auto made = make(options);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_THAT((*made)->warnings(), ElementsAre(AllOf(HasSubstr("is not valid before"),
                                                     EndsWith("; clients will refuse it"))));
  options.certificates = {valid(-kDay, kDay)};
  made = make(options);
  ASSERT_TRUE(made);
  EXPECT_THAT((*made)->warnings(), ::testing::Not(::testing::Contains(HasSubstr("valid before"))));
}

// --- sessions of a client ----------------------------------------------------------------------

// Sessions beyond the limit are freed; otherwise a memory checker would report a leak.
TEST(TlsSessions, KeepsTheLatest) {
  TlsSessions sessions;
  for (int i = 0; i < 1000; ++i)
    sessions.put(SSL_SESSION_new());
  EXPECT_EQ(sessions.take(), nullptr) << "none of these can be resumed";
}

}  // namespace
}  // namespace onehop::net
