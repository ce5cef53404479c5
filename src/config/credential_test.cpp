// SPDX-License-Identifier: Apache-2.0
#include "config/credential.hpp"

#include "config/load.hpp"

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::HasSubstr;

class Credentials : public ::testing::Test {
 protected:
  Credentials() { ::setenv("CREDENTIALS_DIRECTORY", "/run/credentials/onehop.service", 1); }
  ~Credentials() override { ::unsetenv("CREDENTIALS_DIRECTORY"); }
};

TEST_F(Credentials, AreFilesInTheirFolder) {
  EXPECT_EQ(path_of_file("credential:key.pem").value(), "/run/credentials/onehop.service/key.pem");
}

TEST_F(Credentials, OtherFileNamesAreUnchanged) {
  EXPECT_EQ(path_of_file("key.pem").value(), "key.pem");
  EXPECT_EQ(path_of_file("/etc/credential:key").value(), "/etc/credential:key");
  EXPECT_THAT(path_of_file("").error(), HasSubstr("the name of a file is missing"));
}

TEST_F(Credentials, CannotNameOtherDirectories) {
  for (const std::string_view name : {"", ".", "..", "../x", "a/b", "/etc/passwd"}) {
    const auto path = path_of_file("credential:" + std::string(name));
    ASSERT_FALSE(path) << name;
    EXPECT_THAT(path.error(), HasSubstr("is one word"));
  }
}

TEST_F(Credentials, KeepTheirNameWithoutTheServiceManager) {
  EXPECT_FALSE(is_unresolved(path_of_file("credential:key").value()));
  ::unsetenv("CREDENTIALS_DIRECTORY");
  const std::string file = path_of_file("credential:key").value();
  EXPECT_EQ(file, "credential:key");
  EXPECT_TRUE(is_unresolved(file));
  EXPECT_THAT(why_unresolved(file), HasSubstr("LoadCredential=key:FILE"));
}

TEST_F(Credentials, AreAnErrorWhenUsedAndAWarningWhenChecked) {
  std::vector<std::string> flags = {"8000", "--tls", "credential:a", "--tls-key", "credential:b"};
  EXPECT_TRUE(load(flags, {}).findings.empty());
  ::unsetenv("CREDENTIALS_DIRECTORY");
  const Findings errors = load(flags, {}).findings;
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(sentence_of(errors.front()),
            "--tls: CREDENTIALS_DIRECTORY is not set; add LoadCredential=a:FILE to the unit of the "
            "service");
  flags.insert(flags.begin(), "check");
  const Loaded checked = load(flags, {});
  EXPECT_TRUE(checked.is_usable());
  ASSERT_EQ(checked.findings.size(), 2U);
  EXPECT_EQ(sentence_of(checked.findings.back()),
            "--tls-key: credential:b is not checked: only the service has it");
}

}  // namespace
}  // namespace onehop::config
