// SPDX-License-Identifier: Apache-2.0
#include "program/startup.hpp"

#include <gtest/gtest.h>

namespace onehop::program {
namespace {

TEST(StartupLines, SayWhatListens) {
  EXPECT_EQ(listening_line({"0.0.0.0:80", "[::1]:8080", "unix:/run/x.sock"}),
            "onehop: listening on http://0.0.0.0:80, http://[::1]:8080, unix:/run/x.sock\n");
}

TEST(StartupLines, SayWhereItGoesAndWhetherThatAnswers) {
  const Url backend = Url::parse("http://app.internal:8000").value();
  EXPECT_EQ(backend_lines(backend, {.addresses = {"10.0.0.1", "10.0.0.2"}, .problem = {}}),
            "onehop: to http://app.internal:8000 (10.0.0.1, 10.0.0.2)\n"
            "onehop: the backend accepts connections\n");
}

TEST(StartupLines, WarnWhenTheBackendDoesNotAnswer) {
  const Url backend = Url::parse("http://127.0.0.1:8000").value();
  EXPECT_EQ(backend_lines(backend, {.addresses = {"127.0.0.1"}, .problem = "Connection refused"}),
            "onehop: to http://127.0.0.1:8000\n"
            "onehop: warning: the backend does not answer yet: Connection refused\n");
}

TEST(BackendProbe, SaysWhyNothingAnswers) {
  const Url nowhere = Url::parse("unix:/nonexistent/app.sock").value();
  EXPECT_EQ(probe_backend(nowhere, std::chrono::milliseconds(100)).problem,
            "No such file or directory");
  // Port 1 of loopback: nothing listens there.
  const ProbeResult refused =
      probe_backend(Url::parse("http://127.0.0.1:1").value(), std::chrono::milliseconds(500));
  EXPECT_EQ(refused.problem, "Connection refused");
  ASSERT_EQ(refused.addresses.size(), 1U);
  EXPECT_EQ(refused.addresses.front(), "127.0.0.1");
}

}  // namespace
}  // namespace onehop::program
