// SPDX-License-Identifier: Apache-2.0

#include "proxy/route_table.hpp"

#include "support/route_cases.hpp"

#include <random>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::RouteCase;
using test::RouteReference;
using ::testing::AllOf;
using ::testing::HasSubstr;

Route route(std::vector<std::string> hosts, std::string path) {
  return {.hosts = std::move(hosts), .path = std::move(path), .to = respond_with(Status::ok)};
}

RouteReference::Choice choice_of(const RouteTable& table, const RouteCase& asked) {
  using Kind = RouteReference::Kind;
  Headers headers;
  for (const auto& [name, value] : asked.fields)
    headers.add(name, value);
  const auto found = table.find(
      {.host = asked.host, .path = asked.path, .method = asked.method, .headers = headers});
  if (found) return {Kind::found, *found};
  switch (found.error()) {
    case RouteMiss::no_route:
      return {Kind::no_route};
    case RouteMiss::unknown_host:
      return {Kind::unknown_host};
    case RouteMiss::ambiguous_path:
      break;
  }
  return {Kind::ambiguous_path};
}

// Returns the path of the route that gets the request, or why there is none.
std::string chosen(const std::vector<Route>& routes, std::string host, std::string path) {
  const RouteTable table(routes);
  const auto choice = choice_of(table, {.routes = {},
                                        .host = std::move(host),
                                        .path = std::move(path),
                                        .method = Method::get,
                                        .fields = {}});
  switch (choice.kind) {
    case RouteReference::Kind::found:
      return RouteTable::conditions_of(routes[choice.route]);
    case RouteReference::Kind::no_route:
      return "none";
    case RouteReference::Kind::unknown_host:
      return "unknown host";
    case RouteReference::Kind::ambiguous_path:
      break;
  }
  return "ambiguous";
}

std::string refusal_of(const std::vector<Route>& routes) {
  try {
    const RouteTable table(routes);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(RouteTable, PrefersTheMostSpecificHost) {
  const std::vector<Route> routes = {route({}, "/*"), route({"*.example"}, "/*"),
                                     route({"*.b.example"}, "/*"), route({"a.b.example"}, "/*")};
  EXPECT_EQ(chosen(routes, "a.b.example", "/"), "a.b.example/*");
  EXPECT_EQ(chosen(routes, "A.B.Example.:8443", "/"), "a.b.example/*");
  EXPECT_EQ(chosen(routes, "x.b.example", "/"), "*.b.example/*");
  EXPECT_EQ(chosen(routes, "x.y.b.example", "/"), "*.b.example/*");
  EXPECT_EQ(chosen(routes, "b.example", "/"), "*.example/*");
  EXPECT_EQ(chosen(routes, "example", "/"), "/*");
  EXPECT_EQ(chosen(routes, "xb.example", "/"), "*.example/*");
  EXPECT_EQ(chosen(routes, "", "/"), "/*");
}

TEST(RouteTable, ComparesAddressesWithoutBrackets) {
  const std::vector<Route> routes = {route({"[::1]"}, "/*"), route({"127.0.0.1"}, "/*")};
  EXPECT_EQ(chosen(routes, "[::1]:80", "/"), "[::1]/*");
  EXPECT_EQ(chosen(routes, "::1", "/"), "[::1]/*");
  EXPECT_EQ(chosen(routes, "127.0.0.1:80", "/"), "127.0.0.1/*");
  EXPECT_EQ(chosen(routes, "[::2]", "/"), "unknown host");
}

TEST(RouteTable, ConvertsInternationalHostNames) {
  EXPECT_EQ(chosen({route({"b\xc3\xbc"
                           "cher.example"},
                          "/*")},
                   "xn--bcher-kva.example", "/"),
            "b\xc3\xbc"
            "cher.example/*");
}

TEST(RouteTable, PrefersTheLongestPathByWholeSegments) {
  const std::vector<Route> routes = {route({}, "/*"),        route({}, "/api/*"),
                                     route({}, "/api/v2/*"), route({}, "/api!/*"),
                                     route({}, "/api/v2"),   route({}, "/")};
  EXPECT_EQ(chosen(routes, "h", "/api"), "/api/*");
  EXPECT_EQ(chosen(routes, "h", "/api/"), "/api/*");
  EXPECT_EQ(chosen(routes, "h", "/api/x"), "/api/*");
  EXPECT_EQ(chosen(routes, "h", "/apix"), "/*");
  EXPECT_EQ(chosen(routes, "h", "/api!"), "/api!/*");
  EXPECT_EQ(chosen(routes, "h", "/api/v2"), "/api/v2");
  EXPECT_EQ(chosen(routes, "h", "/api/v2/x"), "/api/v2/*");
  EXPECT_EQ(chosen(routes, "h", "/api/v20"), "/api/*");
  EXPECT_EQ(chosen(routes, "h", "/"), "/");
  EXPECT_EQ(chosen(routes, "h", ""), "/");
  EXPECT_EQ(chosen(routes, "h", "/x"), "/*");
  EXPECT_EQ(chosen(routes, "h", "*"), "/*");
}

TEST(RouteTable, MatchesEscapesAsTheCharactersTheyEncode) {
  const std::vector<Route> routes = {route({}, "/*"), route({}, "/admin/*"), route({}, "/%c3%a4")};
  EXPECT_EQ(chosen(routes, "h", "/%61dmin/x"), "/admin/*");
  EXPECT_EQ(chosen(routes, "h", "/%C3%A4"), "/%c3%a4");
  EXPECT_EQ(chosen(routes, "h", "/%2561dmin"), "/*");
}

TEST(RouteTable, FallsBackToLessSpecificHosts) {
  std::vector<Route> routes = {route({"a.example"}, "/api/*"), route({"*.example"}, "/x"),
                               route({}, "/*")};
  EXPECT_EQ(chosen(routes, "a.example", "/x"), "*.example/x");
  EXPECT_EQ(chosen(routes, "a.example", "/y"), "/*");
  routes.pop_back();
  EXPECT_EQ(chosen(routes, "a.example", "/y"), "none");
  EXPECT_EQ(chosen(routes, "a.other", "/y"), "unknown host");
}

TEST(RouteTable, RejectsAmbiguousPaths) {
  const std::vector<Route> routes = {route({}, "/*"), route({}, "/api/*")};
  for (const char* path : {"/x/../api", "/./x", "/x/..", "/..;a=b/api", "//api", "/x//y", "/x//",
                           "/x%2fy", "/x%2Fy", "/%2e%2E/api", "/x%5cy", "/x%5Cy", "/x\\y",
                           "/api%00", "/..%3b/api", "/;/api", "/%3Bx/api"}) {
    EXPECT_EQ(chosen(routes, "h", path), "ambiguous") << path;
  }
  for (const char* path : {"/x/", "/...", "/.x", "/x.", "/..x", "/%252e", "/x/.well-known/y",
                           "/x;y/api", "/;y", "/x/;y"}) {
    EXPECT_EQ(chosen(routes, "h", path), "/*") << path;
  }
}

// Servlet containers remove parameters before they match the path.
TEST(RouteTable, RejectsSegmentParametersThatCouldChangeTheRoute) {
  const std::vector<Route> routes = {route({}, "/*"), route({}, "/admin/*"), route({}, "/admin/a"),
                                     route({"b"}, "/*")};
  EXPECT_EQ(chosen(routes, "h", "/admin/x;id=1"), "/admin/*");
  EXPECT_EQ(chosen(routes, "h", "/admin/x;id=1/y;z"), "/admin/*");
  EXPECT_EQ(chosen(routes, "h", "/x;id=1"), "/*");
  for (const char* path :
       {"/admin;x", "/admin;x/y", "/admin%3bx", "/admin/a;x", "/%61dmin;", "/admin;x%3by/a"}) {
    EXPECT_EQ(chosen(routes, "h", path), "ambiguous") << path;
  }
  EXPECT_EQ(chosen(routes, "b", "/admin;x"), "b/*");
  EXPECT_THAT(refusal_of({route({}, "/a;b/*")}), HasSubstr("parameters"));
  EXPECT_THAT(refusal_of({route({}, "/a%3Bb")}), HasSubstr("parameters"));
}

TEST(RouteTable, AcceptsAnyPathWhenThePathDoesNotDecide) {
  const std::vector<Route> routes = {route({"a"}, "/*"), route({"b"}, "/*"), route({"b"}, "/c/*"),
                                     route({}, "/*")};
  EXPECT_EQ(chosen(routes, "a", "/x//../%2e"), "a/*");
  EXPECT_EQ(chosen(routes, "c", "/x//../%2e"), "/*");
  EXPECT_EQ(chosen(routes, "b", "/x//../%2e"), "ambiguous");
  EXPECT_EQ(chosen({route({}, "/*")}, "b", "/x//../%2e"), "/*");
}

TEST(RouteTable, PrefersHeaderAndMethod) {
  std::vector<Route> routes;
  for (const auto& [method, header] :
       std::vector<std::pair<std::optional<Method>, std::string>>{{{}, ""},
                                                                  {Method::get, ""},
                                                                  {{}, "X-B"},
                                                                  {{}, "x-a"},
                                                                  {{}, "X-B: 1"},
                                                                  {Method::get, "X-B: 1"}}) {
    routes.push_back(route({}, "/*"));
    routes.back().method = method;
    routes.back().header = header;
  }
  const RouteTable table(routes);
  using Fields = std::vector<std::pair<std::string, std::string>>;
  const auto chosen_for = [&](const Method& method, const Fields& fields) {
    return RouteTable::conditions_of(
        routes[choice_of(
                   table,
                   {.routes = {}, .host = "h", .path = "/", .method = method, .fields = fields})
                   .route]);
  };
  EXPECT_EQ(chosen_for(Method::post, {}), "/*");
  EXPECT_EQ(chosen_for(Method::get, {}), "GET /*");
  EXPECT_EQ(chosen_for(Method::get, {{"x-b", "2"}}), "/* (X-B)");
  EXPECT_EQ(chosen_for(Method::get, {{"x-b", "2"}, {"X-A", ""}}), "/* (x-a)");
  EXPECT_EQ(chosen_for(Method::post, {{"x-b", "1"}, {"X-A", ""}}), "/* (X-B: 1)");
  EXPECT_EQ(chosen_for(Method::get, {{"x-b", "1"}}), "GET /* (X-B: 1)");
}

TEST(RouteTable, RefusesEqualRoutesAndNamesBoth) {
  std::vector<Route> routes = {route({"a", "B."}, "/x/*"), route({"b"}, "/%78/*")};
  routes[0].name = "first";
  EXPECT_EQ(refusal_of(routes),
            "Routes: \"first\" and \"b/%78/*\" match the same requests: b/%78/*");
  routes[1].method = Method::get;
  EXPECT_EQ(refusal_of(routes), "accepted");
  EXPECT_THAT(refusal_of({route({"a", "A"}, "/*")}), HasSubstr("listed twice"));
}

TEST(RouteTable, RejectsInvalidParts) {
  const auto path = [](std::string text) { return refusal_of({route({}, std::move(text))}); };
  EXPECT_THAT(path("api"), AllOf(HasSubstr("path: "), HasSubstr("does not begin with a slash")));
  EXPECT_THAT(path(""), HasSubstr("does not begin with a slash"));
  EXPECT_THAT(path("/api*"), HasSubstr("write \"/api/*\""));
  EXPECT_THAT(path("/*/x"), HasSubstr("'*' only at its end"));
  EXPECT_THAT(path("/x?y"), HasSubstr("'?'"));
  EXPECT_THAT(path("/x/../y"), HasSubstr("dot segment"));
  EXPECT_THAT(path("//*"), HasSubstr("empty segment"));
  EXPECT_THAT(path("/x//*"), HasSubstr("empty segment"));
  EXPECT_THAT(path("/%zz"), HasSubstr("escape"));
  EXPECT_THAT(path("/" + std::string(2000, 'x')), HasSubstr("too long"));
  const auto host = [](std::string text) { return refusal_of({route({std::move(text)}, "/*")}); };
  EXPECT_THAT(host("*"), AllOf(HasSubstr("hosts: "), HasSubstr("leave hosts out")));
  EXPECT_THAT(host("a.*.b"), HasSubstr("write \"*.example.org\""));
  EXPECT_THAT(host("*."), HasSubstr("not a host name"));
  EXPECT_THAT(host("."), HasSubstr("not a host name"));
  EXPECT_THAT(host("a:80"), HasSubstr("port"));
  EXPECT_THAT(host("http://a"), HasSubstr("is a URL"));
  EXPECT_THAT(host("*.[::1]"), HasSubstr("has an IP address"));
  EXPECT_THAT(host(""), HasSubstr("not a host name"));
  Route one = route({}, "/api/*");
  one.strip_prefix = "/ap";
  EXPECT_THAT(refusal_of({one}), HasSubstr("\"/ap\" is not the beginning of its path, \"/api/*\""));
  one.strip_prefix = "/api/*";
  EXPECT_THAT(refusal_of({one}), HasSubstr("strip_prefix: \"/api/*\" is a pattern"));
  one.strip_prefix = "";
  one.add_prefix = "/v2/";
  EXPECT_THAT(refusal_of({one}), HasSubstr("add_prefix: \"/v2/\" ends with a slash"));
  one.add_prefix = "";
  one.header = "X B";
  EXPECT_THAT(refusal_of({one}), HasSubstr("header: "));
  one.header = ": 1";
  EXPECT_THAT(refusal_of({one}), HasSubstr("header: "));
  one.header = "";
  one.to = nullptr;
  EXPECT_THAT(refusal_of({one}), HasSubstr("to: the handler is missing"));
}

TEST(RouteTable, AgreesWithALinearSearch) {
  std::mt19937 random(20261129);
  int found = 0;
  int refused = 0;
  for (int round = 0; round < 3'000; ++round) {
    const RouteCase made =
        test::made_case([&random] { return static_cast<std::uint8_t>(random() & 0xff); });
    const RouteReference reference(made);
    const std::string refusal = refusal_of(made.routes);
    ASSERT_EQ(refusal != "accepted", reference.has_equal_routes()) << refusal;
    if (refusal != "accepted") {
      ++refused;
      continue;
    }
    const RouteReference::Choice expected = reference.find();
    if (expected.kind == RouteReference::Kind::found) ++found;
    ASSERT_EQ(choice_of(RouteTable(made.routes), made), expected)
        << "round " << round << ": " << made.host << made.path;
  }
  EXPECT_GT(found, 300);
  EXPECT_GT(refused, 75);
}

}  // namespace
}  // namespace onehop
