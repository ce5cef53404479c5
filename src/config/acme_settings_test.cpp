// SPDX-License-Identifier: Apache-2.0
//
// The settings of certificates by ACME: the values, and how they fit together.
#include "config/acme_settings.hpp"

#include "config/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Loaded load_flags(std::vector<std::string> flags) {
  flags.push_back("http://localhost:8000");
  return load(flags, {}, [](const NamedFiles&, Findings&) { return std::vector<ConfigFile>(); });
}

Loaded load_file(const std::string& text) {
  return load({"--config", "onehop.toml"}, {}, [&text](const NamedFiles&, Findings&) {
    return std::vector<ConfigFile>{{.name = "onehop.toml", .text = text}};
  });
}

std::string first_of(const Loaded& loaded) {
  return loaded.findings.empty() ? std::string() : loaded.findings.front().message;
}

TEST(AcmeSettings, NeedOnlyAnEmailANameAndADirectory) {
  const Loaded loaded = load_flags(
      {"--acme", "ops@example.org", "--host", "App.Example.org", "--state", "/var/lib/onehop"});
  EXPECT_EQ(first_of(loaded), "");
  const Configuration& configuration = loaded.configuration;
  EXPECT_THAT(configuration.listen, ElementsAre("https://:443", "redirect://:80"));
  ASSERT_TRUE(configuration.server.tls);
  EXPECT_FALSE(configuration.server.tls->self_signed);
  EXPECT_THAT(certificate_names(configuration), ElementsAre("app.example.org"));
  EXPECT_EQ(directory_of(configuration.acme.authorities.at(0)),
            "https://acme-v02.api.letsencrypt.org/directory");
}

TEST(AcmeSettings, NamesThatCannotBeCertifiedAreRefused) {
  const std::pair<const char*, const char*> refused[] = {{"*.example.org", "wildcard"},
                                                         {"192.0.2.1", "address"},
                                                         {"[::1]", "address"},
                                                         {"a.example.org:443", "port"},
                                                         {"under_score.example.org", "letters"},
                                                         {"", "host name"}};
  for (const auto& [name, why] : refused) {
    const auto parsed = CertificateName::parse(name);
    ASSERT_FALSE(parsed) << name;
    EXPECT_THAT(parsed.error(), HasSubstr(why)) << name;
  }
  EXPECT_EQ(*CertificateName::parse("b\xc3\xbc"
                                    "cher.example"),
            "xn--bcher-kva.example");
}

TEST(AcmeSettings, APublicAuthorityCertifiesPublicNamesOnly) {
  for (const char* const name : {"localhost", "printer", "nas.local", "app.internal"}) {
    EXPECT_THAT(first_of(load_flags(
                    {"--acme", "ops@example.org", "--host", name, "--state", "/var/lib/onehop"})),
                HasSubstr("not a public name"))
        << name;
    EXPECT_EQ(first_of(load_flags({"--acme", "ops@example.org", "--host", name, "--state",
                                   "/var/lib/onehop", "--acme-ca", "https://ca.internal/dir"})),
              "")
        << name;
  }
}

TEST(AcmeSettings, AnEmailMustBeAnAddress) {
  EXPECT_TRUE(AcmeEmail::parse("ops@example.org"));
  for (const char* const text :
       {"ops", "@example.org", "ops@", "a@b@c.org", "a b@c.org", "mailto:x", "a,b@c.org", "on",
        "a?b@c.org", "a%b@c.org", "\xff@c.org"}) {
    EXPECT_FALSE(AcmeEmail::parse(text)) << text;
  }
}

TEST(AcmeSettings, AnAuthorityIsAWordOrAnHttpsUrl) {
  EXPECT_TRUE(AcmeAuthority::parse("letsencrypt-staging"));
  EXPECT_TRUE(AcmeAuthority::parse("https://ca.test:14000/dir"));
  EXPECT_THAT(AcmeAuthority::parse("letsencript").error(), HasSubstr("did you mean"));
  EXPECT_FALSE(AcmeAuthority::parse("http://ca.test/dir"));
  EXPECT_FALSE(AcmeAuthority::parse("https://user@ca.test/dir"));
}

TEST(AcmeSettings, Dns01IsReferredToOtherPrograms) {
  EXPECT_THAT(AcmeChallenge::parse("dns-01").error(), HasSubstr("lego"));
  EXPECT_THAT(AcmeChallenge::parse("http01").error(), HasSubstr("did you mean"));
}

TEST(AcmeSettings, TheNamesAreThoseOfTheRoutesUnlessHostIsSet) {
  const std::string routes =
      "acme = \"ops@example.org\"\nstate = \"/var/lib/onehop\"\n%HOST%"
      "[[route]]\nhost = [\"A.example.org\", \"*.example.org\"]\n"
      "backend = \"http://localhost:1\"\n[[route]]\nhost = [\"b.example.org\"]\n"
      "backend = \"http://localhost:2\"\n";
  const auto names_with = [&routes](const std::string& host) {
    std::string text = routes;
    return certificate_names(load_file(text.replace(text.find("%HOST%"), 6, host)).configuration);
  };
  EXPECT_THAT(names_with(""), ElementsAre("a.example.org", "b.example.org"));
  EXPECT_THAT(names_with("host = [\"c.example.org\"]\n"), ElementsAre("c.example.org"));
}

TEST(AcmeSettings, ContradictorySettingsAreRejected) {
  const std::string host = "--host";
  EXPECT_THAT(first_of(load_flags({"--acme", "ops@example.org", "--state", "/s"})),
              HasSubstr("--host app.example.org"));
  EXPECT_THAT(first_of(load_flags({host, "a.example.org"})), HasSubstr("--acme EMAIL"));
  EXPECT_THAT(first_of(load_flags({"--acme-key", "rsa2048"})), HasSubstr("--acme EMAIL"));
  EXPECT_THAT(first_of(load_flags({"--acme", "ops@example.org", host, "a.example.org"})),
              HasSubstr("--state DIR"));
  EXPECT_THAT(first_of(load_flags({"--acme", "ops@example.org", host, "a.example.org", "--state",
                                   "/s", "--tls", "self"})),
              HasSubstr("one of them"));
  EXPECT_THAT(first_of(load_flags({"--acme", "ops@example.org", host, "a.example.org", "--state",
                                   "/s", "--listen", "http://:80"})),
              HasSubstr("https"));
}

}  // namespace
}  // namespace onehop::config
