// SPDX-License-Identifier: Apache-2.0
#include "server/tls_certificates.hpp"

#include "support/test_certificates.hpp"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

namespace onehop::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::string_view kChanged = "the TLS files have changed: new connections use them";

// Has a certificate and its key in files of its own, which are replaced one by one. The test looks
// at them in place of the watching thread.
class TlsCertificatesTest : public ::testing::Test {
 protected:
  static TestCertificates& authority() {
    static TestCertificates made;
    return made;
  }
  static const TlsCertificate& first() {
    static const TlsCertificate made = authority().sign("first", "DNS:first.example");
    return made;
  }
  static const TlsCertificate& second() {
    static const TlsCertificate made = authority().sign("second", "DNS:second.example");
    return made;
  }

  TlsCertificatesTest() {
    own_.chain_file = authority().path("own.pem");
    own_.key_file = authority().path("own.key");
    put(first().chain_file, own_.chain_file);
    put(first().key_file, own_.key_file);
    TlsServerOptions options;
    options.certificates = {own_};
    auto loaded = TlsCertificates::load(
        options, {"http/1.1"},
        [this](LogLevel, std::string_view line) { said_.emplace_back(line); });
    EXPECT_TRUE(loaded) << loaded.error().to_string();
    if (loaded) certificates_ = std::move(*loaded);
  }

  // Replaces a file by a new one, as tools that renew certificates do.
  static void put(const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to + ".new",
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(to + ".new", to);
  }
  std::vector<std::string> look() {
    certificates_->look();
    return std::exchange(said_, {});
  }
  std::string served() const { return certificates_->certificates().at(0).names.at(0); }

  TlsCertificate own_;
  std::vector<std::string> said_;
  std::shared_ptr<TlsCertificates> certificates_;
};

TEST_F(TlsCertificatesTest, ReportsAChangeOfBothFilesOnce) {
  EXPECT_THAT(look(), IsEmpty());
  put(second().chain_file, own_.chain_file);
  put(second().key_file, own_.key_file);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_EQ(served(), "first.example");
  EXPECT_THAT(look(), ElementsAre(kChanged));
  EXPECT_EQ(served(), "second.example");
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), IsEmpty());
}

// A look happens between the two writes. A certificate without its key is not an error yet.
TEST_F(TlsCertificatesTest, WaitsForTheSecondFileOfAChange) {
  put(second().chain_file, own_.chain_file);
  EXPECT_THAT(look(), IsEmpty());
  put(second().key_file, own_.key_file);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_EQ(served(), "first.example");
  EXPECT_THAT(look(), ElementsAre(kChanged));
  EXPECT_EQ(served(), "second.example");
  EXPECT_THAT(look(), IsEmpty());
}

TEST_F(TlsCertificatesTest, KeepsTheOldCertificateIfTheKeyDoesNotMatch) {
  put(second().chain_file, own_.chain_file);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(
      look(),
      ElementsAre(StartsWith("the TLS files have changed, but the old ones stay in use: ")));
  EXPECT_EQ(served(), "first.example");
  EXPECT_THAT(look(), IsEmpty()) << "once is enough";
  put(second().key_file, own_.key_file);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), ElementsAre(kChanged));
  EXPECT_EQ(served(), "second.example");
}

TEST_F(TlsCertificatesTest, KeepsTheOldCertificateIfAFileIsMissing) {
  std::filesystem::remove(own_.key_file);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), ElementsAre(HasSubstr(own_.key_file)));
  EXPECT_EQ(served(), "first.example");
  put(first().key_file, own_.key_file);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), ElementsAre(kChanged));
}

TEST_F(TlsCertificatesTest, TriesAChangeAgainThatFailedForAPassingReason) {
  put(second().chain_file, own_.chain_file);
  put(second().key_file, own_.key_file);
  EXPECT_THAT(look(), IsEmpty());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto said = look();
  std::size_t repeated = 0;
  for (int i = 0; i < 12; ++i)
    repeated += look().size();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_THAT(said, ElementsAre(HasSubstr("the old ones stay in use")));
  EXPECT_EQ(repeated, 0u) << "once is enough";
  EXPECT_EQ(served(), "first.example");
  for (int i = 0; i < 5; ++i)
    certificates_->look();
  EXPECT_THAT(said_, ElementsAre(kChanged));
  EXPECT_EQ(served(), "second.example");
}

class CountedSource final : public TlsCertificateSource {
 public:
  std::vector<TlsCertificate> certificates() const override { return {current}; }
  std::uint64_t version() const override { return number; }

  TlsCertificate current;
  std::uint64_t number = 0;
};

TEST_F(TlsCertificatesTest, ReloadsANewVersionOfASource) {
  const auto source = std::make_shared<CountedSource>();
  source->current = first();
  TlsServerOptions options;
  options.source = source;
  auto loaded = TlsCertificates::load(
      options, {"http/1.1"}, [this](LogLevel, std::string_view line) { said_.emplace_back(line); });
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  certificates_ = std::move(*loaded);
  source->current = second();
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_EQ(served(), "first.example");
  ++source->number;
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), ElementsAre(kChanged));
  EXPECT_EQ(served(), "second.example");
}

// The clients may have noted the fingerprint of a self-signed certificate.
TEST_F(TlsCertificatesTest, ReadsTheAuthoritiesOfClientsAgainBesideASelfSignedCertificate) {
  TlsServerOptions options;
  options.self_signed = true;
  options.client_auth = ClientAuth::required;
  options.client_ca_file = authority().path("clients.pem");
  put(first().chain_file, options.client_ca_file);
  auto loaded = TlsCertificates::load(
      options, {"http/1.1"}, [this](LogLevel, std::string_view line) { said_.emplace_back(line); });
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  certificates_ = std::move(*loaded);
  const std::string fingerprint = certificates_->certificates().at(0).sha256;
  std::ofstream(options.client_ca_file) << "no certificate";
  EXPECT_FALSE(certificates_->reload());
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), ElementsAre(HasSubstr(options.client_ca_file)));
  EXPECT_FALSE(TlsCertificates::load(
      options, {"http/1.1"}, [](LogLevel, std::string_view) {}, certificates_.get()));

  const auto before = certificates_->current();
  put(second().chain_file, options.client_ca_file);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), ElementsAre(kChanged));
  EXPECT_NE(certificates_->current(), before);
  EXPECT_EQ(certificates_->certificates().at(0).sha256, fingerprint);
  auto next = TlsCertificates::load(
      options, {"http/1.1"}, [](LogLevel, std::string_view) {}, certificates_.get());
  ASSERT_TRUE(next) << next.error().to_string();
  EXPECT_EQ((*next)->certificates().at(0).sha256, fingerprint);
}

}  // namespace
}  // namespace onehop::server
