// SPDX-License-Identifier: Apache-2.0
#include "config/admin_contradictions.hpp"

#include "config/load.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace onehop::config {
namespace {

using ::testing::HasSubstr;

std::string problem_of(std::vector<std::string> flags, const char* backend = "http://b.example") {
  flags.emplace_back(backend);
  const Loaded loaded = load(flags, {});
  return loaded.findings.empty() ? std::string() : loaded.findings.front().message;
}

struct Case {
  std::vector<std::string> flags;
  const char* says;  // "" if accepted
};

TEST(AdminSettings, NeedASecretIfReachableByOthers) {
  const Case cases[] = {
      {{"--admin", "127.0.0.1:9090"}, ""},
      {{"--admin", "[::1]:9090"}, ""},
      {{"--admin", "127.8.8.8:9090"}, ""},
      {{"--admin", "localhost:9090"}, ""},
      {{"--admin", ":9090"}, "can be reached by other machines"},
      {{"--admin", "0.0.0.0:9090"}, "can be reached by other machines"},
      {{"--admin", "192.0.2.7:9090"}, "add --admin-token FILE"},
      {{"--admin", "[2001:db8::1]:9090"}, "can be reached by other machines"},
      {{"--admin", ":9090", "--admin-token", "t"}, ""},
      {{"--admin", ":9090", "--admin-client-ca", "ca"}, "write --admin https://:9090"},
      {{"--admin", "https://:9090", "--admin-client-ca", "ca", "--tls", "self"}, ""},
      {{"--admin", "https://127.0.0.1:9090"}, "needs a certificate"},
      {{"--admin", "unix:/run/x"}, "the socket is --admin-socket /run/x"},
      {{"--admin", "nonsense"}, "cannot listen on 'nonsense'"},
      {{"--admin-token", "t"}, "--admin-token has no effect without --admin ADDR"},
      {{"--admin-name", "a.example"}, "--admin-name has no effect without --admin ADDR"},
      {{"--admin", "127.0.0.1:9090", "--admin-name", "a.example:80"}, "without a port"},
      {{"--health-path", "/health"}, ""},
      {{"--health-path", "health"}, "is not a path"},
      {{"--health-path", "/health?x"}, "is not a path"},
      {{"--metrics-buckets", "500us,1ms,2s"}, ""},
      {{"--metrics-buckets", "0s"}, "must be above zero"},
      {{"--metrics-buckets", "1ms,1ms"}, "must ascend, but 1ms follows 1ms"},
      {{"--metrics-buckets", "1s,10ms"}, "must ascend, but 10ms follows 1s"},
      {{"--metrics-buckets",
        "1s,2s,3s,4s,5s,6s,7s,8s,9s,10s,11s,12s,13s,14s,15s,16s,17s,18s,19s,20s,21s,22s,23s,24s,"
        "25s,26s,27s,28s,29s,30s,31s,32s,33s"},
       "has 33 bounds; the maximum is 32"},
  };
  for (const Case& each : cases) {
    const std::string problem = problem_of(each.flags);
    const std::string shown = ::testing::PrintToString(each.flags) + ": " + problem;
    if (each.says[0] == '\0') {
      EXPECT_EQ(problem, "") << shown;
    } else {
      EXPECT_THAT(problem, HasSubstr(each.says)) << shown;
    }
  }
}

TEST(AdminSettings, RejectABackendThatIsTheAdminListener) {
  for (const char* const backend : {"http://127.0.0.1:9090", "http://localhost:9090", "9090"}) {
    EXPECT_THAT(problem_of({"--admin", "127.0.0.1:9090"}, backend),
                HasSubstr("which clients must not reach"))
        << backend;
    EXPECT_THAT(problem_of({"--admin", ":9090", "--admin-token", "t"}, backend),
                HasSubstr("which clients must not reach"))
        << backend;
  }
  EXPECT_EQ(problem_of({"--admin", "127.0.0.1:9090"}, "http://127.0.0.1:9091"), "");
  EXPECT_EQ(problem_of({"--admin", "127.0.0.1:9090"}, "http://192.0.2.7:9090"), "");
}

class AdminSocketTest : public ::testing::Test {
 protected:
  AdminSocketTest() {
    ::unsetenv("RUNTIME_DIRECTORY");
    ::setenv("XDG_RUNTIME_DIR", folder_.c_str(), 1);
    std::filesystem::create_directories(folder_);
  }
  ~AdminSocketTest() override {
    ::unsetenv("XDG_RUNTIME_DIR");
    std::filesystem::remove_all(folder_);
  }

  const std::string folder_ = ::testing::TempDir() + "admin_socket_test";
};

TEST_F(AdminSocketTest, RejectsABackendThatIsTheAdminSocket) {
  const std::string link = folder_ + "/link";
  const std::string file = folder_ + "/hard";
  std::filesystem::create_directory_symlink(folder_, link);
  ASSERT_EQ(::mknod((folder_ + "/a").c_str(), S_IFSOCK | 0600, 0), 0);
  std::filesystem::create_hard_link(folder_ + "/a", file);
  const std::string place = folder_ + "/a";
  for (const std::string& backend :
       {place, folder_ + "/../admin_socket_test/./a", link + "/a", file}) {
    EXPECT_THAT(problem_of({"--admin-socket", place}, ("unix:" + backend).c_str()),
                HasSubstr("is this proxy's own --admin-socket"))
        << backend;
  }
  EXPECT_EQ(problem_of({"--admin-socket", place}, ("unix:" + folder_ + "/b").c_str()), "");
  EXPECT_EQ(problem_of({"--admin-socket", "off"}, ("unix:" + folder_ + "/onehop.sock").c_str()),
            "");
}

TEST_F(AdminSocketTest, RejectsABackendThatIsTheDefaultAdminSocket) {
  const std::string backend = "unix:" + folder_ + "/onehop.sock";
  EXPECT_THAT(problem_of({}, backend.c_str()), HasSubstr("own --admin-socket"));
  EXPECT_THAT(problem_of({"--admin-socket", "auto"}, backend.c_str()),
              HasSubstr("own --admin-socket"));
}

TEST_F(AdminSocketTest, ReportsABackendOfARouteInItsRoute) {
  const std::string text =
      "backend = \"http://top\"\n[[route]]\npath = \"/x\"\nbackend = \"unix:" + folder_ + "/a\"\n";
  const Loaded loaded = load({"--admin-socket", folder_ + "/a", "--config", "named"}, {},
                             [&text](const NamedFiles&, Findings&) {
                               return std::vector<ConfigFile>{{"onehop.toml", text}};
                             });
  ASSERT_EQ(loaded.findings.size(), 1U);
  EXPECT_THAT(loaded.findings.front().message, HasSubstr("this proxy's own admin-socket"));
  EXPECT_EQ(loaded.findings.front().origin.line, 4U);
}

TEST_F(AdminSocketTest, RejectsAListenerOnAnAdminAddress) {
  const std::string place = folder_ + "/a";
  EXPECT_THAT(problem_of({"--admin-socket", place, "-l", "unix:" + folder_ + "/./a"}),
              HasSubstr("--admin-socket and --listen need addresses of their own"));
  EXPECT_EQ(problem_of({"-l", "unix:" + folder_ + "/onehop.sock"}), "");
  EXPECT_THAT(problem_of({"--admin", "127.0.0.1:9000", "-l", ":9000"}),
              HasSubstr("127.0.0.1:9000 is covered by :9000"));
  EXPECT_THAT(problem_of({"--admin", "127.0.0.1:9000", "-l", "127.0.0.1:9000"}),
              HasSubstr("--admin and --listen need addresses of their own"));
  EXPECT_EQ(problem_of({"--admin", "127.0.0.1:9000", "-l", ":9001", "-l", "127.0.0.2:9000"}), "");
  EXPECT_EQ(problem_of({"--admin", "127.0.0.1:0", "-l", "127.0.0.1:0"}), "");
}

}  // namespace
}  // namespace onehop::config
