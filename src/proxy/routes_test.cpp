// SPDX-License-Identifier: Apache-2.0

#include <onehop/routes.hpp>

#include <onehop/reverse_proxy.hpp>

#include "http/message_access.hpp"
#include "support/bodies.hpp"
#include "support/scripted_upstream.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::from_client;
using test::serve;

// Responds with the URL that it gets.
std::shared_ptr<const Handler> echo() {
  return make_handler([](const Request& request) {
    return Response(Status::ok, std::string(request.url().target()));
  });
}

std::string served(const Routes& routes, std::string_view target, std::string_view host = "h") {
  Response response = serve(routes, from_client({{"Host", host}}, target));
  return std::to_string(response.status().code()) + " " + test::text_of(response.body());
}

TEST(Routes, StripsAndAddsPrefixes) {
  const Routes routes({
      {.path = "/api/*", .to = echo(), .strip_prefix = "/api"},
      {.path = "/old/v1/*", .to = echo(), .strip_prefix = "/old", .add_prefix = "/new"},
      {.path = "/one", .to = echo(), .strip_prefix = "/one", .add_prefix = "/two"},
      {.to = echo(), .add_prefix = "/all"},
  });
  EXPECT_EQ(served(routes, "/api"), "200 /");
  EXPECT_EQ(served(routes, "/api/"), "200 /");
  EXPECT_EQ(served(routes, "/api?q"), "200 /?q");
  EXPECT_EQ(served(routes, "/%61pi/x%20y?a=/api"), "200 /x%20y?a=/api");
  EXPECT_EQ(served(routes, "/old/v1/x"), "200 /new/v1/x");
  EXPECT_EQ(served(routes, "/one"), "200 /two");
  EXPECT_EQ(served(routes, "/x"), "200 /all/x");
  EXPECT_EQ(served(routes, "*"), "200 *");
}

TEST(Routes, RespondsWhenNoRouteMatches) {
  const Routes routes({{.hosts = {"a"}, .path = "/x", .to = echo()}});
  EXPECT_EQ(served(routes, "/x", "a"), "200 /x");
  EXPECT_EQ(served(routes, "/y", "a"), "404 404 Not Found\n");
  EXPECT_EQ(served(routes, "/x", "b"), "404 404 Not Found\n");
  EXPECT_EQ(served(routes, "/x/..", "a"), "400 400 Bad Request\n");
}

TEST(Routes, ARouteMayLeadToRoutes) {
  Routes inner({{.name = "in", .path = "/x", .to = echo()}});
  const Routes routes({{.name = "out",
                        .path = "/a/*",
                        .to = make_handler(std::move(inner)),
                        .strip_prefix = "/a"}});
  ExchangeRecord record;
  Request request = from_client({{"Host", "h"}}, "/a/x");
  MessageAccess::set_record(request, &record);
  EXPECT_EQ(serve(routes, std::move(request)).status(), Status::ok);
  EXPECT_EQ(record.route, "in");
  Request other = from_client({{"Host", "h"}}, "/a/y");
  MessageAccess::set_record(other, &record);
  EXPECT_EQ(serve(routes, std::move(other)).status(), Status::not_found);
  EXPECT_EQ(record.route, "out");
}

TEST(Routes, RecordsTheRouteNumberBeforeServingTheRequest) {
  std::vector<std::string> chosen;
  const Routes routes(
      {{.path = "/a", .to = echo()},
       {.path = "/b", .to = echo(), .strip_prefix = "/b"},
       {.path = "/c", .to = echo(), .max_body = 1}},
      [&chosen](const ExchangeRecord& record) {
        chosen.push_back(std::to_string(record.route_number) + " " + std::string(record.route));
      });
  for (const std::string_view target : {"/b", "/none", "/c"}) {
    ExchangeRecord record;
    Request request = from_client({{"Host", "h"}, {"Content-Length", "2"}}, target);
    MessageAccess::set_record(request, &record);
    serve(routes, std::move(request));
    EXPECT_EQ(record.route_number, target == "/b" ? 2U : target == "/c" ? 3U : 0U);
  }
  EXPECT_THAT(chosen, ::testing::ElementsAre("2 /b", "3 /c"));
}

TEST(Routes, TheRecordNamesTheRouteAndTheReason) {
  const Routes routes(
      {{.hosts = {"a.example"}, .path = "/api/*", .method = Method::get, .to = echo()}});
  ExchangeRecord record;
  Request request = from_client({{"Host", "a.example"}}, "/api/x");
  MessageAccess::set_record(request, &record);
  serve(routes, std::move(request));
  EXPECT_EQ(record.route, "GET a.example/api/*");
  EXPECT_FALSE(record.failure);
  Request odd = from_client({{"Host", "a.example"}}, "/api/../x");
  MessageAccess::set_record(odd, &record);
  serve(routes, std::move(odd));
  ASSERT_TRUE(record.failure);
  EXPECT_TRUE(record.failure->is(Errc::bad_request));
  EXPECT_EQ(record.failure->side(), Side::client);
}

// Returns a request over TLS, on a connection for `server_name`.
int status_over_tls(const Routes& routes,
                    std::string_view server_name,
                    std::string_view host,
                    Version version = Version::http_2) {
  TlsInfo tls;
  tls.server_name = server_name;
  ConnectionInfo connection = test::connection_from("192.0.2.7");
  connection.tls = true;
  connection.tls_info = &tls;
  connection.version = version;
  Request request = from_client({{"Host", host}});
  MessageAccess::set_connection(request, connection);
  return serve(routes, std::move(request)).status().code();
}

TEST(Routes, RespondsWith421OnAConnectionForAnotherHost) {
  const Routes routes({{.hosts = {"a.example"}, .path = "/", .to = echo()}});
  EXPECT_EQ(status_over_tls(routes, "a.example", "a.example"), 200);
  EXPECT_EQ(status_over_tls(routes, "b.example", "a.example"), 200);
  EXPECT_EQ(status_over_tls(routes, "a.example", "b.example"), 421);
  EXPECT_EQ(status_over_tls(routes, "a.example", "b.example", Version::http_1_1), 404);
  EXPECT_EQ(status_over_tls(routes, "b.example", "B.example:443"), 404);
  EXPECT_EQ(status_over_tls(routes, "", "b.example"), 404);
  const Routes any(
      {{.hosts = {"a.example"}, .path = "/", .to = echo()}, {.path = "/x", .to = echo()}});
  EXPECT_EQ(status_over_tls(any, "a.example", "b.example"), 404);
}

TEST(Routes, MapsResponsesBack) {
  const auto application = make_handler([](const Request&) {
    Response response(Status::found);
    response.headers().set("Location", "/login");
    response.headers().set("Set-Cookie", "s=1; Path=/");
    return response;
  });
  const Routes routes({
      {.path = "/a/*", .to = application, .strip_prefix = "/a", .map_back = true},
      {.path = "/b/*", .to = application, .strip_prefix = "/b"},
  });
  Response mapped = serve(routes, from_client({{"Host", "h"}}, "/a/x"));
  EXPECT_EQ(mapped.headers().get("Location"), "/a/login");
  EXPECT_EQ(mapped.headers().get("Set-Cookie"), "s=1; Path=/a");
  EXPECT_EQ(serve(routes, from_client({{"Host", "h"}}, "/b/x")).headers().get("Location"),
            "/login");
}

// The application builds the URL from the X-Forwarded-Host that it gets.
TEST(Routes, MapsRedirectsToTheHostThatATrustedPeerNames) {
  const auto application = make_handler([](const Request&) {
    Response response(Status::found);
    response.headers().set("Location", "https://shop.example/login");
    return response;
  });
  const Routes routes(
      {{.path = "/a/*", .to = application, .strip_prefix = "/a", .map_back = true}});
  const auto location_for = [&](bool peer_is_trusted) {
    Request request =
        from_client({{"Host", "inner"}, {"X-Forwarded-Host", "shop.example"}}, "/a/x");
    ConnectionInfo connection = request.connection();
    connection.peer_is_trusted = peer_is_trusted;
    MessageAccess::set_connection(request, connection);
    return std::string(serve(routes, std::move(request)).headers().get_or_empty("Location"));
  };
  EXPECT_EQ(location_for(true), "https://shop.example/a/login");
  EXPECT_EQ(location_for(false), "https://shop.example/login");
}

// Responds with the size of the content, or with the error of reading it.
std::shared_ptr<const Handler> counting() {
  return make_handler([](Request request) -> task<Response> {
    const auto content = co_await request.body().read_all(1000);
    if (!content) co_return default_error_response(request, content.error());
    co_return Response(Status::ok, std::to_string(content->size()));
  });
}

int status_after(const Routes& routes, std::string_view target, Body body) {
  Request request = from_client({{"Host", "h"}}, target);
  request.set_body(std::move(body));
  return serve(routes, std::move(request)).status().code();
}

TEST(Routes, LimitTheContentOfTheirRequests) {
  const Routes routes({{.path = "/small/*", .to = counting(), .max_body = 3},
                       {.path = "/none", .to = counting(), .max_body = 0},
                       {.to = counting()}});
  const auto unknown = [](std::vector<std::string> list) {
    return Body::from(test::pieces(std::move(list)));
  };
  EXPECT_EQ(status_after(routes, "/small/x", Body::of("123")), 200);
  EXPECT_EQ(status_after(routes, "/small/x", Body::of("1234")), 413);
  EXPECT_EQ(status_after(routes, "/small/x", unknown({"1", "23"})), 200);
  EXPECT_EQ(status_after(routes, "/small/x", unknown({"1", "234"})), 413);
  EXPECT_EQ(status_after(routes, "/none", Body()), 200);
  EXPECT_EQ(status_after(routes, "/none", Body::of("1")), 413);
  EXPECT_EQ(status_after(routes, "/", Body::of("1234")), 200);
  EXPECT_EQ(status_after(routes, "/", unknown({"1", "234"})), 200);
}

TEST(Routes, RejectTooLargeContentBeforeCallingTheHandler) {
  const Routes routes(
      {{.to = make_handler([](const Request&) -> Response { throw 1; }), .max_body = 3}});
  ExchangeRecord record;
  Request request = from_client({{"Host", "h"}});
  request.set_body(Body::of("1234"));
  MessageAccess::set_record(request, &record);
  EXPECT_EQ(serve(routes, std::move(request)).status(), Status::content_too_large);
  ASSERT_TRUE(record.failure);
  EXPECT_TRUE(record.failure->is(Errc::body_too_large));
  EXPECT_EQ(record.failure->phase(), Phase::head);
}

std::string location_of(const Handler& handler, std::string_view target) {
  Response response = serve(handler, from_client({{"Host", "h"}}, target));
  return std::to_string(response.status().code()) + " " +
         std::string(response.headers().get_or_empty("Location"));
}

TEST(RedirectTo, KeepsPathAndQueryForAWildcard) {
  EXPECT_EQ(location_of(*redirect_to("https://b.example/new"), "/x?q"),
            "307 https://b.example/new");
  EXPECT_EQ(location_of(*redirect_to("/new?*", Status::found), "/x?q"), "302 /new?q");
  EXPECT_EQ(location_of(*redirect_to("/new?*"), "/x"), "307 /new");
  EXPECT_EQ(location_of(*redirect_to("https://b.example/*"), "/x?q"), "307 https://b.example/x?q");
  EXPECT_EQ(location_of(*redirect_to("/a?b=c#d"), "/x?q"), "307 /a?b=c#d");
  const Routes routes({{.path = "/old/*", .to = redirect_to("/new/*"), .strip_prefix = "/old"}});
  EXPECT_EQ(location_of(routes, "/old/x?q"), "307 /new/x?q");
}

TEST(RedirectTo, DoesNotRedirectToAHostChosenByTheClient) {
  EXPECT_EQ(location_of(*redirect_to("/*"), "//evil.example/x"), "400 ");
  EXPECT_EQ(location_of(*redirect_to("/*"), "/\\evil.example/x"), "400 ");
  EXPECT_EQ(location_of(*redirect_to("/b/*"), "//evil.example"), "307 /b//evil.example");
}

TEST(RedirectTo, RefusesWrongTargets) {
  for (const char* target : {"", "x", "//b.example/x", "ftp://b.example", "/a*", "/*/b", "http://",
                             "/a?b/*", "unix:/x", "https://b.example*"}) {
    EXPECT_THROW(redirect_to(target), std::invalid_argument) << target;
  }
  EXPECT_THROW(redirect_to("/x", Status::ok), std::invalid_argument);
  EXPECT_THROW(redirect_to("/x", Status::not_modified), std::invalid_argument);
}

TEST(RespondWith, RespondsInTheFormThatTheClientAccepts) {
  Response json = serve(*respond_with(Status::gone),
                        from_client({{"Host", "h"}, {"Accept", "application/json"}}));
  EXPECT_EQ(json.status(), Status::gone);
  EXPECT_EQ(test::text_of(json.body()), "{\"status\":410,\"error\":\"Gone\"}\n");
  Response empty = serve(*respond_with(Status::no_content), from_client());
  EXPECT_EQ(empty.headers().size(), 0U);
  EXPECT_THROW(respond_with(Status::early_hints), std::invalid_argument);
}

// RFC 9110 §15.3.6
TEST(RespondWith, A205HasNoContent) {
  Response reset = serve(*respond_with(Status::reset_content),
                         from_client({{"Host", "h"}, {"Accept", "text/html"}}));
  EXPECT_EQ(reset.status(), Status::reset_content);
  EXPECT_EQ(reset.headers().size(), 0U);
  EXPECT_EQ(test::text_of(reset.body()), "");
}

TEST(RespondWith, RefusesAStatusThatNeedsAFieldOfTheResource) {
  for (const int code : {206, 401, 405, 407, 426})
    EXPECT_THROW(respond_with(Status(code)), std::invalid_argument) << code;
  for (const int code : {200, 400, 403, 404, 406, 410, 503})
    EXPECT_NO_THROW(respond_with(Status(code))) << code;
}

}  // namespace
}  // namespace onehop
