// SPDX-License-Identifier: Apache-2.0
#include "net/tls_reason.hpp"

#include "net/tls_context.hpp"
#include "net/tls_key_pair.hpp"
#include "net/tls_ticket_keys.hpp"
#include "support/test_certificates.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openssl/err.h>
#include <openssl/sslerr.h>

namespace onehop::net {
namespace {

using ::testing::HasSubstr;

class TlsFilesTest : public ::testing::Test {
 protected:
  TlsFilesTest() : pair_(certificates_.sign("a", "DNS:a.example")) {}

  std::string refusal(const std::string& chain, const std::string& key) {
    const auto pair = read_key_pair({.chain_file = chain, .key_file = key});
    return pair ? "accepted" : std::string(pair.error().detail());
  }
  std::string made(const std::string& file) { return certificates_.path(file); }

  TestCertificates certificates_;
  TlsCertificate pair_;
};

TEST(TlsReason, HasAnExplanationAndTheTextOfOpenSsl) {
  ASSERT_EQ(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr), 1);
  const auto words_for_tls_error = [](unsigned long code) {
    return net::words_for_tls_error(code, TlsErrorIn::file);
  };
  EXPECT_EQ(words_for_tls_error(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)),
            "the peer refused the handshake: no version, cipher or key in common, or it wants a "
            "certificate (sslv3 alert handshake failure)");
  EXPECT_EQ(words_for_tls_error(ERR_PACK(ERR_LIB_SSL, 0, ERR_R_ASN1_LIB)),
            "the data in its PEM block is damaged (ASN1 lib)");
  EXPECT_EQ(words_for_tls_error(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_WRONG_VERSION_NUMBER)),
            "wrong version number");
}

// The message must not suggest that a local file is damaged.
TEST(TlsReason, DamagedDataFromAPeerIsNotReportedAsAFile) {
  ASSERT_EQ(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr), 1);
  EXPECT_EQ(words_for_tls_error(ERR_PACK(ERR_LIB_SSL, 0, ERR_R_ASN1_LIB), TlsErrorIn::connection),
            "the peer has sent damaged data (ASN1 lib)");
}

TEST_F(TlsFilesTest, SuggestsACommandToConvertOtherFormats) {
  certificates_.openssl("x509 -outform der -in c1.pem -out c.der");
  certificates_.openssl("pkey -outform der -in c1.key -out k.der");
  certificates_.openssl("pkcs12 -export -passout pass:x -in c1.pem -inkey c1.key -out c.p12");
  certificates_.openssl("crl2pkcs7 -nocrl -certfile c1.pem -out c.p7b");
  certificates_.openssl("crl2pkcs7 -nocrl -certfile c1.pem -outform der -out c7.der");
  const std::string key = pair_.key_file;
  EXPECT_EQ(refusal(made("c.der"), key),
            made("c.der") + ": this is a certificate in DER form; `openssl x509 -inform der -in " +
                made("c.der") + " -out " + made("c.der") + ".pem` converts it");
  EXPECT_THAT(refusal(made("c.p12"), {}), HasSubstr("PKCS#12 file; `openssl pkcs12 -nodes -in "));
  EXPECT_THAT(refusal(made("c.p7b"), key), HasSubstr("`openssl pkcs7 -print_certs -in "));
  EXPECT_THAT(refusal(made("c7.der"), key), HasSubstr("-print_certs -inform der -in "));
  EXPECT_THAT(refusal(made("c1.csr"), key),
              HasSubstr("this is a certificate request, not a certificate"));
  EXPECT_THAT(refusal(pair_.chain_file, made("k.der")),
              HasSubstr("`openssl pkey -inform der -in "));
  EXPECT_THAT(refusal(pair_.chain_file, made("c.p12")), HasSubstr("PKCS#12 file"));
}

// Runs the command that the message suggests.
TEST_F(TlsFilesTest, ReadsWhatTheSuggestedCommandWrites) {
  certificates_.openssl("pkcs12 -export -passout pass: -in c1.pem -inkey c1.key -out c.p12");
  certificates_.openssl("pkcs12 -nodes -passin pass: -in c.p12 -out c.p12.pem");
  EXPECT_EQ(refusal(made("c.p12.pem"), {}), "accepted");
}

TEST_F(TlsFilesTest, ReportsDamagedDataWithTheFile) {
  std::ofstream(made("bad.pem")) << "-----BEGIN CERTIFICATE-----\n"
                                    "MIIBszCCAVmgAwIBAgIUZm9vYmFy\n"
                                    "-----END CERTIFICATE-----\n";
  EXPECT_THAT(
      refusal(made("bad.pem"), pair_.key_file),
      HasSubstr(made("bad.pem") +
                ": certificate 1 in it cannot be read: the data in its PEM block is damaged"));
  std::ofstream(made("bad.key")) << "-----BEGIN PRIVATE KEY-----\n"
                                    "MIIBszCCAVmgAwIBAgIUZm9vYmFy\n"
                                    "-----END PRIVATE KEY-----\n";
  EXPECT_THAT(refusal(pair_.chain_file, made("bad.key")),
              HasSubstr("bad.key: the private key cannot be read: the data in its PEM block is "
                        "damaged"));
}

TEST_F(TlsFilesTest, ReportsAKeyThatIsTooShortWithTheFile) {
  const TlsCertificate weak = certificates_.sign("w", "DNS:w.example", "rsa:1024");
  const auto context = TlsServerContext::make({.certificates = {weak}}, {"http/1.1"},
                                              std::make_shared<TlsTicketKeys>());
  ASSERT_FALSE(context);
  EXPECT_THAT(std::string(context.error().detail()),
              HasSubstr(weak.chain_file + ": the certificate for w.example cannot be used: its key "
                                          "is too short: RSA needs 2048 bits, EC 224"));
}

}  // namespace
}  // namespace onehop::net
