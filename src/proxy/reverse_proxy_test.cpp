// SPDX-License-Identifier: Apache-2.0

#include <onehop/reverse_proxy.hpp>

#include "http/message_access.hpp"
#include "proxy/single_host.hpp"
#include "support/scripted_upstream.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using literals::operator""_url;
using test::from_client;
using test::lines_of;
using test::serve;
using test::upstream_that;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

void below_backend(ProxyRequest& request) {
  request.out().set_url(request.out().url().resolved_below("http://backend"_url));
}

// Returns the fields that went upstream, without the X-Forwarded-* of the proxy itself.
Headers sent_for(Request request) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  const ReverseProxy proxy({.rewrite = below_backend, .transport = upstream});
  serve(proxy, std::move(request));
  Headers sent = upstream->last().headers().clone();
  for (const char* name : {"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}) {
    sent.erase(name);
  }
  return sent;
}

Response received_for(Response from_upstream, FlushPolicy flush = FlushPolicy::automatic) {
  auto kept = std::make_shared<Response>(std::move(from_upstream));
  const ReverseProxy proxy(
      {.rewrite = below_backend,
       .transport = upstream_that([kept](Request&) { return std::move(*kept); }),
       .flush = flush});
  return serve(proxy, from_client());
}

// HO01, HO04, HO07, HO11, HO12, HO15, HO16: no field is lost or added, and the order is kept.
TEST(ReverseProxyRequest, IsIdenticalToTheClientsRequest) {
  const Headers fields = {{"host", "h"},
                          {"X-M", "a"},
                          {"Authorization", "b"},
                          {"COOKIE", "c=1"},
                          {"Expect", "100-continue"},
                          {"X-M", "d"},
                          {"cookie", "e=2"},
                          {"Max-Forwards", "3"},
                          {"Via", "1.1 f"},
                          {"X-Empty", ""}};
  EXPECT_EQ(lines_of(sent_for(from_client(fields.clone()))), lines_of(fields));
  EXPECT_THAT(lines_of(sent_for(from_client({}))), IsEmpty());
}

TEST(ReverseProxyRequest, KeepsMethodAndBody) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  const ReverseProxy proxy({.rewrite = below_backend, .transport = upstream});
  Request request = from_client();
  request.set_method(Method::put);
  request.set_body(Body::of("content"));
  serve(proxy, std::move(request));
  EXPECT_EQ(upstream->last().method(), Method::put);
  EXPECT_EQ(upstream->last().body().length(), 7u);
  EXPECT_EQ(test::text_of(upstream->last().body()), "content");
}

// HH01, HH02, HH04
TEST(ReverseProxyRequest, DropsTheClientsHopByHopFields) {
  EXPECT_THAT(lines_of(sent_for(from_client({{"Connection", ""},
                                             {"Connection", "close, X-A"},
                                             {"X-A", "1"},
                                             {"Keep-Alive", "5"},
                                             {"Proxy-Authorization", "b"},
                                             {"X-B", "2"}}))),
              ElementsAre("X-B: 2"));
}

// HH08, HH09
TEST(ReverseProxyRequest, KeepsOnlyTrailersInTe) {
  EXPECT_THAT(lines_of(sent_for(from_client({{"TE", "trailers"}}))), ElementsAre("TE: trailers"));
  EXPECT_THAT(lines_of(sent_for(from_client({{"Te", "Trailers, deflate;q=0.5"}}))),
              ElementsAre("TE: trailers"));
  EXPECT_THAT(lines_of(sent_for(from_client({{"Connection", "TE"}, {"TE", "trailers"}}))),
              ElementsAre("TE: trailers"));
  EXPECT_THAT(lines_of(sent_for(from_client({{"TE", "gzip"}}))), IsEmpty());
}

// HO26, T14
TEST(ReverseProxyRequest, AnnouncesTrailersOfAChunkedBody) {
  Request chunked = from_client({{"Trailer", "X-T"}});
  chunked.set_body(test::unending_body());
  EXPECT_THAT(lines_of(sent_for(std::move(chunked))), ElementsAre("Trailer: X-T"));
  Request sized = from_client({{"Trailer", "X-T"}});
  sized.set_body(Body::of("content"));
  EXPECT_THAT(lines_of(sent_for(std::move(sized))), IsEmpty());
}

// XF01, XF06, XF08, XF09, XF13
TEST(ReverseProxyRequest, SetsForwardedFieldsAndTrustsNoClient) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  const ReverseProxy proxy({.rewrite = below_backend, .transport = upstream});
  serve(proxy, from_client({{"Host", "h"},
                            {"X-Forwarded-For", "6.6.6.6"},
                            {"Forwarded", "for=6.6.6.6"},
                            {"X-Forwarded-Host", "evil"},
                            {"X-Forwarded-Proto", "https"}}));
  EXPECT_THAT(lines_of(upstream->last().headers()),
              ElementsAre("Host: h", "CDN-Loop: onehop", "X-Forwarded-For: 192.0.2.7",
                          "X-Forwarded-Host: h", "X-Forwarded-Proto: http"));
}

TEST(ReverseProxyRequest, KeepsForwardingFieldsFromTrustedPeersAndAllowedOnes) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  const auto sent_with = [&upstream](std::vector<std::string> trust) {
    const ReverseProxy proxy({.rewrite = below_backend,
                              .transport = upstream,
                              .trust = std::move(trust),
                              .allow_fields = {"X-Client-IP"}});
    serve(proxy, from_client({{"X-Real-IP", "6.6.6.6"},
                              {"X-Client-IP", "6.6.6.6"},
                              {"X_Real_IP", "6.6.6.6"},
                              {"Proxy", "6.6.6.6:1"},
                              {"X-A", "1"}}));
    return lines_of(upstream->last().headers());
  };
  EXPECT_THAT(sent_with({}), ElementsAre("X-Client-IP: 6.6.6.6", "X-A: 1",
                                         "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: http"));
  EXPECT_THAT(sent_with({"192.0.2.0/24"}),
              ElementsAre("X-Real-IP: 6.6.6.6", "X-Client-IP: 6.6.6.6", "X-A: 1",
                          "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: http"));
  EXPECT_THROW(ReverseProxy({.rewrite = below_backend, .allow_fields = {"X-Forwarded-For"}}),
               std::invalid_argument);
}

// HI03, HI05, HI31, HH03, HH13
TEST(ReverseProxyResponse, IsTheUpstreamsResponseWithoutHopByHopFields) {
  Response response = received_for(Response(Status(299),
                                            Headers{{"Connection", "X-Hop, close"},
                                                    {"Set-Cookie", "a"},
                                                    {"x-hop", "v"},
                                                    {"Set-Cookie", "b"},
                                                    {"Trailers", "c"},
                                                    {"Alt-Svc", "d"},
                                                    {"Keep-Alive", "timeout=5"},
                                                    {"Content-Length", "4"}},
                                            Body::of("text")));
  EXPECT_EQ(response.status().code(), 299);
  EXPECT_THAT(lines_of(response.headers()),
              ElementsAre("Set-Cookie: a", "Set-Cookie: b", "Trailers: c", "Alt-Svc: d",
                          "Content-Length: 4"));
  EXPECT_EQ(test::text_of(response.body()), "text");
}

// T01
TEST(ReverseProxyResponse, AnnouncesTrailersOfContentOfUnknownLength) {
  const Response streamed =
      received_for(Response(Status::ok, Headers{{"Trailer", "X-T"}}, test::unending_body()));
  EXPECT_THAT(lines_of(streamed.headers()), ElementsAre("Trailer: X-T"));
  const Response sized =
      received_for(Response(Status::ok, Headers{{"Trailer", "X-T"}}, Body::of("text")));
  EXPECT_THAT(lines_of(sized.headers()), IsEmpty());
}

TEST(ReverseProxyResponse, KeepsTheReasonPhrase) {
  Response original(Status::ok);
  MessageAccess::set_received_reason(original, "Great");
  EXPECT_EQ(received_for(std::move(original)).reason(), "Great");
}

// B19, B21, B22
TEST(ReverseProxyResponse, IsFlushedAccordingToItsKind) {
  const auto with_type = [](const char* type) {
    return Response(Status::ok, Headers{{"Content-Type", type}}, Body::of("text"));
  };
  EXPECT_FALSE(MessageAccess::flush_at_once(received_for(with_type("text/plain"))));
  EXPECT_FALSE(MessageAccess::flush_at_once(received_for(with_type("text/event-streams"))));
  EXPECT_TRUE(MessageAccess::flush_at_once(received_for(with_type("text/event-stream"))));
  EXPECT_TRUE(
      MessageAccess::flush_at_once(received_for(with_type("Text/Event-Stream; charset=utf-8"))));
  EXPECT_TRUE(
      MessageAccess::flush_at_once(received_for(with_type("text/plain"), FlushPolicy::immediate)));
  EXPECT_TRUE(MessageAccess::flush_at_once(
      received_for(Response(Status::ok, Headers{}, test::unending_body()))));
  EXPECT_FALSE(MessageAccess::flush_at_once(received_for(Response(Status::no_content))));
}

TEST(ReverseProxyResponse, RejectsAnInformationalFinalResponse) {
  EXPECT_EQ(received_for(Response(Status::early_hints)).status(), Status::bad_gateway);
  EXPECT_EQ(received_for(Response(Status::continue_)).status(), Status::bad_gateway);
}

// HI27, HI28
TEST(ModifyResponse, RunsAfterHopByHopFieldsAreStripped) {
  bool saw_connection = true;
  const ReverseProxy proxy(
      {.rewrite = below_backend,
       .transport = upstream_that([](Request&) {
         return Response(Status(345), Headers{{"Connection", "X-A"}, {"X-A", "1"}});
       }),
       .modify_response = [&saw_connection](Response& response) {
         saw_connection = response.headers().has("Connection") || response.headers().has("X-A");
         response.set_status(Status(346));
         response.headers().set("X-Modified", "1");
         return Result<void>();
       }});
  const Response response = serve(proxy, from_client());
  EXPECT_FALSE(saw_connection);
  EXPECT_EQ(response.status().code(), 346);
  EXPECT_THAT(lines_of(response.headers()), ElementsAre("X-Modified: 1"));
}

// B21: the hook may have replaced the body by one that must be flushed.
TEST(ModifyResponse, RunsBeforeTheFlushPolicyApplies) {
  const ReverseProxy proxy({.rewrite = below_backend,
                            .transport = std::make_shared<const test::ScriptedUpstream>(),
                            .modify_response = [](Response& response) {
                              response.set_body(test::unending_body());
                              return Result<void>();
                            }});
  EXPECT_TRUE(MessageAccess::flush_at_once(serve(proxy, from_client())));
}

// E09, B29
TEST(ModifyResponse, ErrorDropsTheResponseFirst) {
  bool gone = false;
  int calls = 0;
  const ReverseProxy proxy({.rewrite = below_backend,
                            .transport = upstream_that([&gone](Request&) {
                              return Response(Status::ok, Headers{}, test::unending_body(&gone));
                            }),
                            .modify_response = [](Response&) -> Result<void> {
                              return failure(Errc::limit_exceeded, Side::upstream, "too sweet");
                            },
                            .error_response =
                                [&](const Request&, const Error& error) {
                                  ++calls;
                                  EXPECT_TRUE(gone);
                                  EXPECT_EQ(error.detail(), "too sweet");
                                  return Response(Status::im_a_teapot);
                                }});
  ExchangeRecord record;
  Request request = from_client();
  MessageAccess::set_record(request, &record);
  EXPECT_EQ(serve(proxy, std::move(request)).status(), Status::im_a_teapot);
  EXPECT_EQ(calls, 1);
  ASSERT_TRUE(record.failure);
  EXPECT_EQ(record.failure->detail(), "too sweet");
}

TEST(ModifyResponse, ExceptionPassesThroughAndDropsTheResponse) {
  bool gone = false;
  const ReverseProxy proxy(
      {.rewrite = below_backend,
       .transport = upstream_that([&gone](Request&) {
         return Response(Status::ok, Headers{}, test::unending_body(&gone));
       }),
       .modify_response = [](Response&) -> Result<void> { throw std::runtime_error("oops"); }});
  EXPECT_THROW(serve(proxy, from_client()), std::runtime_error);
  EXPECT_TRUE(gone);
}

// E10
TEST(ModifyResponse, DoesNotSeeErrors) {
  const ReverseProxy proxy(
      {.rewrite = below_backend,
       .transport = test::upstream_failing_with(Error(Errc::connect_failed, Side::upstream)),
       .modify_response = [](Response&) {
         ADD_FAILURE() << "called";
         return Result<void>();
       }});
  EXPECT_EQ(serve(proxy, from_client()).status(), Status::bad_gateway);
}

// E08
TEST(ErrorResponse, GetsTheRequestAsReceivedAndTheError) {
  std::vector<std::string> lines;
  std::string target;
  const ReverseProxy proxy({.rewrite = below_backend,
                            .transport = test::upstream_failing_with(
                                Error(Errc::timed_out, Side::upstream).during(Phase::wait)),
                            .error_response = [&](const Request& in, const Error& error) {
                              lines = lines_of(in.headers());
                              target = in.url().target();
                              EXPECT_EQ(error.phase(), Phase::wait);
                              return Response(Status::im_a_teapot, "short");
                            }});
  Response response = serve(proxy, from_client({{"Host", "h"}, {"Connection", "close"}}, "/p?q"));
  EXPECT_EQ(response.status(), Status::im_a_teapot);
  EXPECT_EQ(test::text_of(response.body()), "short");
  EXPECT_THAT(lines, ElementsAre("Host: h", "Connection: close"));
  EXPECT_EQ(target, "/p?q");
}

TEST(ErrorResponse, DefaultsToTheStatusThatNamesTheSide) {
  const auto status = [](Errc code, Side side) {
    const ReverseProxy proxy(
        {.rewrite = below_backend, .transport = test::upstream_failing_with(Error(code, side))});
    return serve(proxy, from_client()).status().code();
  };
  EXPECT_EQ(status(Errc::connect_failed, Side::upstream), 502);
  EXPECT_EQ(status(Errc::timed_out, Side::upstream), 504);
  EXPECT_EQ(status(Errc::no_connection_slot, Side::upstream), 503);
  EXPECT_EQ(status(Errc::bad_request, Side::client), 400);     // E14
  EXPECT_EQ(status(Errc::body_too_large, Side::client), 413);  // E13
  EXPECT_EQ(status(Errc::timed_out, Side::client), 408);
}

TEST(ErrorResponse, RecordsTheFirstFailure) {
  const ReverseProxy proxy(
      {.rewrite = below_backend,
       .transport = test::upstream_failing_with(Error(Errc::connect_failed, Side::upstream))});
  ExchangeRecord record;
  Request first = from_client();
  MessageAccess::set_record(first, &record);
  serve(proxy, std::move(first));
  ASSERT_TRUE(record.failure);
  EXPECT_TRUE(record.failure->is(Errc::connect_failed));

  record.failure = Error(Errc::timed_out, Side::upstream);
  Request second = from_client();
  MessageAccess::set_record(second, &record);
  serve(proxy, std::move(second));
  EXPECT_TRUE(record.failure->is(Errc::timed_out));
}

// E20
TEST(ErrorResponse, IsNotForStatusesOfTheUpstream) {
  const ReverseProxy proxy(
      {.rewrite = below_backend,
       .transport = upstream_that([](Request&) { return Response(Status(503), "theirs"); }),
       .error_response = [](const Request&, const Error&) {
         ADD_FAILURE() << "called";
         return Response(Status::bad_gateway);
       }});
  Response response = serve(proxy, from_client());
  EXPECT_EQ(response.status().code(), 503);
  EXPECT_EQ(test::text_of(response.body()), "theirs");
}

TEST(ReverseProxyOptions, AreCheckedAtConstruction) {
  EXPECT_THROW(ReverseProxy({}), std::invalid_argument);
  EXPECT_THROW(ReverseProxy({.rewrite = below_backend,
                             .transport = std::make_shared<const test::ScriptedUpstream>(),
                             .trust = {"everyone"}}),
               std::invalid_argument);
}

TEST(ReverseProxyOptions, MayTrustAUnixPeer) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  ReverseProxy proxy({.rewrite = below_backend, .transport = upstream, .trust = {"unix"}});
  const ReverseProxy moved = std::move(proxy);
  Request request = from_client({{"X-Forwarded-For", "9.9.9.9"}});
  MessageAccess::set_connection(request, {});
  serve(moved, std::move(request));
  EXPECT_THAT(
      lines_of(upstream->last().headers()),
      ElementsAre("CDN-Loop: onehop", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: http"));
}

// The old target is gone. The new target moves with its shortcut.
TEST(ReverseProxy, CanBeMoveAssigned) {
  const auto old_upstream = std::make_shared<const test::ScriptedUpstream>();
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  ReverseProxy proxy({.rewrite = below_backend, .transport = old_upstream});
  {
    ReverseProxy other({.rewrite = RewriteBelow("http://b/base"_url), .transport = upstream});
    proxy = std::move(other);
  }
  EXPECT_EQ(old_upstream.use_count(), 1);
  serve(proxy, from_client({{"Host", "h"}}, "/x"));
  EXPECT_EQ(upstream->last().url().to_string(), "http://b/base/x");
}

// U01, U23, XF01
TEST(SingleHost, KeepsHostAndJoinsPaths) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  const ReverseProxy proxy(
      {.rewrite = RewriteBelow("http://127.0.0.1:9/base"_url), .transport = upstream});
  serve(proxy, from_client({{"Host", "some-name"}}, "/dir?x=y"));
  EXPECT_EQ(upstream->last().url().to_string(), "http://127.0.0.1:9/base/dir?x=y");
  EXPECT_THAT(lines_of(upstream->last().headers()),
              ElementsAre("Host: some-name", "X-Forwarded-For: 192.0.2.7",
                          "X-Forwarded-Host: some-name", "X-Forwarded-Proto: http"));
}

// The shortcut that avoids the copy for hooks must not be visible to an error hook.
TEST(SingleHost, ShowsAnErrorHookTheOriginalTarget) {
  std::string target;
  const ReverseProxy proxy(
      {.rewrite = RewriteBelow("http://b"_url),
       .transport = test::upstream_failing_with(Error(Errc::connect_failed, Side::upstream)),
       .error_response = [&target](const Request& in, const Error&) {
         target = in.url().target();
         return Response(Status::bad_gateway);
       }});
  serve(proxy, from_client({}, "/dir"));
  EXPECT_EQ(target, "/dir");
}

TEST(SingleHost, ErrorResponsesHonorAccept) {
  const ReverseProxy proxy(
      {.rewrite = RewriteBelow("http://b"_url),
       .transport = test::upstream_failing_with(Error(Errc::connect_failed, Side::upstream))});
  const Response response = serve(proxy, from_client({{"Accept", "application/json"}}));
  EXPECT_EQ(response.headers().get_or_empty("Content-Type"), "application/json");
}

// "OPTIONS *" concerns the whole server, wherever its paths begin.
TEST(SingleHost, ForwardsTheAsterisk) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  const ReverseProxy proxy({.rewrite = RewriteBelow("http://b/base"_url), .transport = upstream});
  serve(proxy, from_client({{"Host", "h"}}, "*"));
  EXPECT_EQ(upstream->last().url().target(), "*");
}

TEST(SingleHost, RequiresAnAbsoluteUrl) {
  EXPECT_THROW(single_host_reverse_proxy(Url()), std::invalid_argument);
}

}  // namespace
}  // namespace onehop
