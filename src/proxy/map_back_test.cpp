// SPDX-License-Identifier: Apache-2.0

#include "proxy/map_back.hpp"

#include "support/scripted_upstream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::lines_of;
using testing::ElementsAre;

std::string location_after(std::string location,
                           const PrefixChange& change = {.strip = "/api", .add = ""}) {
  Response response(Status::found, Headers{{"Location", location}});
  map_back(response, change, "a.example");
  return std::string(response.headers().get_or_empty("Location"));
}

std::string cookie_after(std::string cookie,
                         const PrefixChange& change = {.strip = "/api", .add = ""}) {
  Response response(Status::ok, Headers{{"Set-Cookie", cookie}});
  map_back(response, change, "a.example");
  return std::string(response.headers().get_or_empty("Set-Cookie"));
}

TEST(MapBack, MapsLocationsOfThisHost) {
  EXPECT_EQ(location_after("/x?q=/y#f"), "/api/x?q=/y#f");
  EXPECT_EQ(location_after("/"), "/api/");
  EXPECT_EQ(location_after("http://a.example/x"), "http://a.example/api/x");
  EXPECT_EQ(location_after("HTTPS://A.example:443/x"), "HTTPS://A.example:443/api/x");
  EXPECT_EQ(location_after("//a.example?q"), "//a.example/api/?q");
}

TEST(MapBack, LeavesOtherLocationsAlone) {
  for (const char* other : {"x", "../x", "?q", "", "http://b.example/x", "http://a.example:81/x",
                            "//b.example/x", "http://a.example@b.example/x", "mailto:/x"}) {
    EXPECT_EQ(location_after(other), other);
  }
}

TEST(MapBack, RemovesThePrefixThatWasAdded) {
  const PrefixChange change{.strip = "/api", .add = "/v2"};
  EXPECT_EQ(location_after("/v2/x", change), "/api/x");
  EXPECT_EQ(location_after("/v2", change), "/api");
  EXPECT_EQ(location_after("/v20", change), "/v20");
  EXPECT_EQ(location_after("/other", change), "/other");
  const PrefixChange added{.strip = "", .add = "/v2"};
  EXPECT_EQ(location_after("/v2", added), "/");
  EXPECT_EQ(location_after("/v2/x", added), "/x");
}

// An application at /v2 that adds a slash redirects "/v2//evil.example" to "/v2//evil.example/".
TEST(MapBack, LeadsToNoOtherHost) {
  const PrefixChange added{.strip = "", .add = "/v2"};
  for (const char* path : {"/v2//evil.example/", "/v2/\\evil.example/"})
    EXPECT_EQ(location_after(path, added), path);
  EXPECT_EQ(location_after("http://a.example/v2//x", added), "http://a.example/v2//x");
  EXPECT_EQ(location_after("/v2//x", {.strip = "/api", .add = "/v2"}), "/api//x");
}

TEST(MapBack, MapsPathsOfCookies) {
  EXPECT_EQ(cookie_after("a=/b; Path=/; Secure"), "a=/b; Path=/api; Secure");
  EXPECT_EQ(cookie_after("a=b;path = /x"), "a=b;path =/api/x");
  EXPECT_EQ(cookie_after("a=b; HttpOnly"), "a=b; HttpOnly");
  EXPECT_EQ(cookie_after("Path=/; Path=x"), "Path=/; Path=x");
  EXPECT_EQ(cookie_after("__Host-a=b; Path=/; Secure"), "__Host-a=b; Path=/; Secure");
  EXPECT_EQ(cookie_after("a=b; Path=/", {.strip = "", .add = "/v2"}), "a=b; Path=/");
  EXPECT_EQ(cookie_after("a=b; Path=/v2", {.strip = "", .add = "/v2"}), "a=b; Path=/");
}

TEST(MapBack, KeepsTheOrderOfCookies) {
  Response response(Status::ok, Headers{{"Set-Cookie", "a=1"},
                                        {"Set-Cookie", "b=2; Path=/x"},
                                        {"Set-Cookie", "c=3"},
                                        {"X-Last", "z"}});
  map_back(response, {.strip = "/api", .add = ""}, "a.example");
  EXPECT_THAT(response.headers().get_all("Set-Cookie"),
              ElementsAre("a=1", "b=2; Path=/api/x", "c=3"));
}

}  // namespace
}  // namespace onehop
