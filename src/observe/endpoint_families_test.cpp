// SPDX-License-Identifier: Apache-2.0
#include "observe/endpoint_families.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Upstream::Status counted_status(const std::string& url, Upstream::State state) {
  Upstream::Status status{.endpoint = Upstream::Endpoint(url)};
  status.state = state;
  status.requests = 2;
  status.requests_total = 30;
  status.failures_total = 4;
  status.ejections_total = 1;
  status.checks_good_total = 5;
  status.checks_failed_total = 6;
  status.checks_draining_total = 7;
  return status;
}

std::string text_of(const Endpoints& endpoints) {
  MetricFamilies families;
  add_endpoint_families(families, endpoints);
  return families.text();
}

TEST(EndpointFamilies, HaveASeriesForEachEndpoint) {
  Upstream::Status found = counted_status("http://b:81", Upstream::State::ejected);
  found.endpoint.connect_address = "10.0.0.1";
  const std::string text =
      text_of({{"",
                {.balance = "least",
                 .statuses = {counted_status("http://a:80", Upstream::State::starting)}}},
               {"api", {.balance = "least", .statuses = {found}}}});
  EXPECT_THAT(text,
              HasSubstr("onehop_endpoint_up{upstream=\"default\",endpoint=\"http://a\"} 1\n"));
  EXPECT_THAT(
      text,
      HasSubstr("onehop_endpoint_up{upstream=\"api\",endpoint=\"http://b:81@10.0.0.1\"} 0\n"));
  for (const char* const line :
       {"requests_in_flight{upstream=\"default\",endpoint=\"http://a\"} 2\n",
        "requests_total{upstream=\"default\",endpoint=\"http://a\"} 30\n",
        "failures_total{upstream=\"default\",endpoint=\"http://a\"} 4\n",
        "ejections_total{upstream=\"default\",endpoint=\"http://a\"} 1\n",
        "checks_total{upstream=\"default\",endpoint=\"http://a\",result=\"ok\"} 5\n",
        "checks_total{upstream=\"default\",endpoint=\"http://a\",result=\"failed\"} 6\n",
        "checks_total{upstream=\"api\",endpoint=\"http://b:81@10.0.0.1\",result=\"draining\"} 7\n"})
    EXPECT_THAT(text, HasSubstr("onehop_endpoint_" + std::string(line)));
}

TEST(EndpointFamilies, AreBounded) {
  std::vector<Upstream::Status> many;
  for (int i = 0; i < 300; ++i)
    many.push_back(counted_status("http://h" + std::to_string(i), Upstream::State::up));
  const std::string text = text_of({{"", {.balance = "least", .statuses = many}}});
  EXPECT_THAT(text, HasSubstr("endpoint=\"http://h255\""));
  EXPECT_THAT(text, Not(HasSubstr("endpoint=\"http://h256\"")));
  EXPECT_THAT(text, HasSubstr("onehop_endpoint_up{upstream=\"default\",endpoint=\"other\"} 44\n"));
}

TEST(EndpointFamilies, AreOmittedWithoutEndpoints) {
  EXPECT_EQ(text_of({}), "");
}

}  // namespace
}  // namespace onehop::observe
