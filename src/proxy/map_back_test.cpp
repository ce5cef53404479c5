// SPDX-License-Identifier: Apache-2.0

#include "proxy/map_back.hpp"

#include "support/scripted_upstream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::lines_of;
using ::testing::ElementsAre;

std::string location_after(std::string location,
                           const PrefixChange& change = {.strip = "/api", .add = ""}) {
  Response response(Status::found, Headers{{"Location", location}});
  map_back(response, change, {"inner", "a.example"});
  return std::string(response.headers().get_or_empty("Location"));
}

std::string cookie_after(std::string cookie,
                         const PrefixChange& change = {.strip = "/api", .add = ""}) {
  Response response(Status::ok, Headers{{"Set-Cookie", cookie}});
  map_back(response, change, {"inner", "a.example"});
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
TEST(MapBack, NeverLeadsToAnotherHost) {
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

TEST(MapBack, MapsContentLocationAndRefresh) {
  Response response(
      Status::ok,
      Headers{{"Content-Location", "/x?q"}, {"Refresh", "5; url=/login"}, {"Link", "</x>"}});
  map_back(response, {.strip = "/api", .add = ""}, {"a.example"});
  EXPECT_THAT(
      lines_of(response.headers()),
      ElementsAre("Content-Location: /api/x?q", "Refresh: 5; url=/api/login", "Link: </x>"));
}

TEST(MapBack, KeepsTheOrderOfCookies) {
  Response response(Status::ok, Headers{{"Set-Cookie", "a=1"},
                                        {"Set-Cookie", "b=2; Path=/x"},
                                        {"Set-Cookie", "c=3"},
                                        {"X-Last", "z"}});
  map_back(response, {.strip = "/api", .add = ""}, {"a.example"});
  EXPECT_THAT(response.headers().get_all("Set-Cookie"),
              ElementsAre("a=1", "b=2; Path=/api/x", "c=3"));
}

// --- hosts -------------------------------------------------------------------------------------

const HostChange kToTheBackend{
    .sent = "backend:8000", .is_tls = false, .scheme = "https", .host = "a.example"};

std::string field_after(std::string_view name,
                        std::string value,
                        const HostChange& change = kToTheBackend) {
  Response response(Status::found, Headers{{name, value}});
  map_back(response, change);
  return std::string(response.headers().get_or_empty(name));
}

TEST(MapBackHost, MapsUpstreamReferencesToTheClientsHost) {
  for (const char* name : {"Location", "Content-Location"}) {
    EXPECT_EQ(field_after(name, "http://backend:8000/x?q#f"), "https://a.example/x?q#f");
    EXPECT_EQ(field_after(name, "HTTP://Backend:8000/"), "https://a.example/");
    EXPECT_EQ(field_after(name, "http://backend:8000"), "https://a.example");
    EXPECT_EQ(field_after(name, "http://backend:8000?q"), "https://a.example?q");
    EXPECT_EQ(field_after(name, "//backend:8000/x"), "https://a.example/x");
    // The reference does not lead to another host.
    EXPECT_EQ(field_after(name, "http://backend:8000//b.example/x"),
              "https://a.example//b.example/x");
  }
}

TEST(MapBackHost, KeepsOtherReferences) {
  for (const char* other :
       {"/x", "x", "?q", "", "http://backend/x", "http://backend:80/", "http://backend:8001/",
        "http://b.example/http://backend:8000/", "http://backend:8000@b.example/",
        "http://a@backend:8000/", "ftp://backend:8000/", "http:backend:8000", "//", "///x",
        "http://backend:8000.b.example/", "http://backend:8000\\b.example/"}) {
    EXPECT_EQ(field_after("Location", other), other);
  }
  EXPECT_EQ(field_after("Link", "<http://backend:8000/>"), "<http://backend:8000/>");
}

TEST(MapBackHost, TheDefaultPortMayBeOmitted) {
  HostChange change = kToTheBackend;
  change.sent = "backend";
  EXPECT_EQ(field_after("Location", "http://backend:80/x", change), "https://a.example/x");
  EXPECT_EQ(field_after("Location", "https://backend:443/x", change), "https://a.example/x");
  EXPECT_EQ(field_after("Location", "http://backend:443/x", change), "http://backend:443/x");
  change.sent = "backend:80";
  EXPECT_EQ(field_after("Location", "http://backend/x", change), "https://a.example/x");
}

// If an upstream that was reached without TLS refers to https, it wants the client to use TLS.
TEST(MapBackHost, UsesTheSchemeOfTheClientOrHttps) {
  HostChange change{.sent = "backend", .is_tls = false, .scheme = "http", .host = "a.example:81"};
  EXPECT_EQ(field_after("Location", "http://backend/x", change), "http://a.example:81/x");
  EXPECT_EQ(field_after("Location", "//backend/x", change), "http://a.example:81/x");
  EXPECT_EQ(field_after("Location", "https://backend/x", change), "https://a.example:81/x");
  change.is_tls = true;
  EXPECT_EQ(field_after("Location", "https://backend/x", change), "http://a.example:81/x");
  change.scheme = "https";
  EXPECT_EQ(field_after("Location", "http://backend/x", change), "https://a.example:81/x");
}

TEST(MapBackHost, TheUrlOfARefreshIsMapped) {
  const auto after = [](std::string value) { return field_after("Refresh", std::move(value)); };
  EXPECT_EQ(after("0; url=http://backend:8000/x"), "0; url=https://a.example/x");
  EXPECT_EQ(after("5,URL = 'http://backend:8000/x';"), "5,URL = 'https://a.example/x';");
  EXPECT_EQ(after("5;url=\"http://backend:8000/x"), "5;url=\"https://a.example/x");
  for (const char* other : {"5", "5;", "", "url=http://backend:8000/", "5; http://backend:8000/",
                            "5; url", "5; url=", "5; url='", "5; url=http://b.example/"}) {
    EXPECT_EQ(after(other), other);
  }
}

TEST(MapBackHost, RemovesTheUpstreamsHostFromACookieDomain) {
  const auto after = [](std::string value) { return field_after("Set-Cookie", std::move(value)); };
  EXPECT_EQ(after("a=b; Domain=backend; Path=/"), "a=b; Path=/");
  EXPECT_EQ(after("a=b;domain = .BACKEND"), "a=b");
  for (const char* other : {"a=b", "a=b; Domain=example", "a=b; Domain=x.backend", "a=b; Domain=",
                            "Domain=backend; Path=/", "__Host-a=b; Domain=backend"}) {
    EXPECT_EQ(after(other), other);
  }
}

}  // namespace
}  // namespace onehop
