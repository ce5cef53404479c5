// SPDX-License-Identifier: Apache-2.0
#include "acme/certificates.hpp"

#include "acme/base64url.hpp"
#include "acme/jws.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace onehop::acme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const WallTime kNow = std::chrono::system_clock::now();

TEST(AcmeCertificates, APlaceholderIsASelfSignedPairForTheName) {
  const auto pair = make_placeholder("a.example", kNow);
  ASSERT_TRUE(pair);
  EXPECT_THAT(*pair, ::testing::StartsWith("-----BEGIN PRIVATE KEY-----"));
  const auto facts = check_pair(*pair, "a.example");
  ASSERT_TRUE(facts);
  EXPECT_THAT(facts->names, ElementsAre("a.example"));
  EXPECT_TRUE(facts->is_self_signed);
  EXPECT_LT(facts->not_before, kNow);
  EXPECT_GT(facts->not_after, kNow + std::chrono::hours(24));
}

TEST(AcmeCertificates, ANameTooLongForASubjectIsInTheExtension) {
  const std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".example";
  const auto pair = make_placeholder(name, kNow);
  ASSERT_TRUE(pair);
  EXPECT_TRUE(check_pair(*pair, name));
}

TEST(AcmeCertificates, APairOfAnotherNameOrKeyIsRefused) {
  const auto pair = make_placeholder("a.example", kNow);
  const auto other = make_placeholder("a.example", kNow);
  ASSERT_TRUE(pair && other);
  EXPECT_FALSE(check_pair(*pair, "b.example"));
  const std::string mixed = other->substr(0, other->find("-----BEGIN CERT")) +
                            pair->substr(pair->find("-----BEGIN CERT"));
  const auto found = check_pair(mixed, "a.example");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().detail(), HasSubstr("does not belong"));
  EXPECT_FALSE(check_pair("", "a.example"));
  EXPECT_FALSE(check_pair(pair->substr(pair->find("-----BEGIN CERT")), "a.example"));
}

TEST(AcmeCertificates, AChainThatIsNotForTheKeyIsRefused) {
  const auto pair = make_placeholder("a.example", kNow);
  const auto key = PrivateKey::generate();
  ASSERT_TRUE(pair && key);
  EXPECT_FALSE(make_pair(*key, *pair, "a.example"));
  EXPECT_FALSE(make_pair(*key, "<html>", "a.example"));
}

// A server that is given such a pair uses no other certificate either.
TEST(AcmeCertificates, APairWithABrokenChainIsRefused) {
  const auto pair = make_placeholder("a.example", kNow);
  ASSERT_TRUE(pair);
  ASSERT_TRUE(check_pair(*pair, "a.example"));
  EXPECT_FALSE(check_pair(*pair + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                          "a.example"));
}

TEST(AcmeCertificates, AChallengePairHasTheDigestInACriticalExtension) {
  const auto pair = make_challenge_pair("a.example", "token.thumb", kNow);
  ASSERT_TRUE(pair);
  const auto der = der_of(*pair);
  ASSERT_TRUE(der);
  // 1.3.6.1.5.5.7.1.31, TRUE, and one OCTET-STRING in another (RFC 8737 §3).
  const std::string expected = std::string("\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x1f", 10) +
                               std::string("\x01\x01\xff\x04\x22\x04\x20", 7) +
                               sha256("token.thumb");
  EXPECT_THAT(*der, HasSubstr(expected));
}

TEST(AcmeCertificates, ARequestHasTheNamesAndNoSubject) {
  const auto key = PrivateKey::generate(KeyKind::rsa_2048);
  ASSERT_TRUE(key);
  const std::vector<std::string> names = {"a.example", "b.example"};
  const auto request = make_request(names, *key);
  ASSERT_TRUE(request);
  EXPECT_THAT(*request, HasSubstr("a.example"));
  EXPECT_THAT(*request, HasSubstr("b.example"));
}

// The certificate and its identifiers are those of the example in RFC 9773 §4.1.
TEST(AcmeCertificates, TheRenewalIdMatchesTheExampleOfRfc9773) {
  constexpr const char* kExample = R"(-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
)";
  const auto facts = facts_of(kExample);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->renewal_id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

TEST(PrivateKeys, AKeyRoundTripsThroughPem) {
  const auto key = PrivateKey::generate();
  ASSERT_TRUE(key);
  const auto again = PrivateKey::from_pem(*key->to_pem());
  ASSERT_TRUE(again);
  EXPECT_EQ(thumbprint_of(*again), thumbprint_of(*key));
  EXPECT_TRUE(again->is_p256());
  EXPECT_FALSE(PrivateKey::generate(KeyKind::rsa_2048)->is_p256());
  EXPECT_FALSE(
      PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
}

TEST(Jws, ASignatureHasAFixedSize) {
  const auto key = PrivateKey::generate();
  ASSERT_TRUE(key);
  for (int i = 0; i < 50; ++i)  // some numbers have leading zeros
    EXPECT_EQ(key->sign_es256("text " + std::to_string(i))->size(), 64U);
  EXPECT_FALSE(PrivateKey::generate(KeyKind::rsa_2048)->sign_es256("text"));
}

TEST(Jws, TheHeaderNamesTheKeyOrTheAccount) {
  const auto key = PrivateKey::generate();
  ASSERT_TRUE(key);
  const auto header_of = [&key](std::string_view account) {
    const auto text =
        sign(*key, {.url = "https://ca.test/o", .nonce = "n", .account_url = account}, "{}");
    const auto json = nlohmann::json::parse(*text);
    EXPECT_EQ(json["payload"], "e30");
    return nlohmann::json::parse(*from_base64url(json["protected"].get<std::string>()));
  };
  const auto first = header_of("");
  EXPECT_EQ(first["alg"], "ES256");
  EXPECT_EQ(first["url"], "https://ca.test/o");
  EXPECT_EQ(first["jwk"]["crv"], "P-256");
  EXPECT_FALSE(first.contains("kid"));
  EXPECT_EQ(header_of("https://ca.test/account/1")["kid"], "https://ca.test/account/1");
  EXPECT_FALSE(header_of("https://ca.test/account/1").contains("jwk"));
}

TEST(Jws, AnExternalAccountHasAnIdAndAKey) {
  const auto account =
      parse_external_account("kid-1  zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9w==\n");
  ASSERT_TRUE(account);
  EXPECT_EQ(account->id, "kid-1");
  EXPECT_EQ(account->key.size(), 31U);
  for (const char* const text : {"", "kid-1", "kid-1 short", "kid-1 not+base64url++++++++++++++",
                                 "kid-1 zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9w more"}) {
    EXPECT_FALSE(parse_external_account(text)) << text;
  }
}

}  // namespace
}  // namespace onehop::acme
