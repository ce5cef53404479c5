// SPDX-License-Identifier: Apache-2.0

#include <onehop/reverse_proxy.hpp>

#include "support/scripted_upstream.hpp"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using literals::operator""_url;
using test::from_client;
using test::lines_of;
using test::serve;
using ::testing::ElementsAre;

// Returns the request that goes upstream after this hook.
class Rewriting : public ::testing::Test {
 protected:
  const Request& sent_after(std::function<void(ProxyRequest&)> rewrite,
                            Request request = from_client()) {
    const ReverseProxy proxy(
        {.rewrite = std::move(rewrite), .transport = upstream_, .trust = trust_});
    response_ = serve(proxy, std::move(request));
    return upstream_->last();
  }

  std::shared_ptr<const test::ScriptedUpstream> upstream_ =
      std::make_shared<const test::ScriptedUpstream>();
  std::vector<std::string> trust_;
  Response response_;
};

// R06, U01, U17
TEST_F(Rewriting, SetUrlJoinsPathsAndSetsTheHost) {
  const Request& sent = sent_after([](ProxyRequest& r) { r.set_url("http://b:81/base?a=1"_url); },
                                   from_client({{"Host", "client.example"}}, "/dir?b=2"));
  EXPECT_EQ(sent.url().to_string(), "http://b:81/base/dir?a=1&b=2");
  EXPECT_EQ(sent.host(), "b:81");
}

// U12, U13, U14: the path and query are sent byte for byte.
TEST_F(Rewriting, SetUrlKeepsTheClientsEscapes) {
  const auto target = [this](std::string_view from) {
    const Request& sent = sent_after([](ProxyRequest& r) { r.set_url("http://b/a"_url); },
                                     from_client({{"Host", "h"}}, from));
    return std::string(sent.url().target());
  };
  EXPECT_EQ(target("/b%2fc"), "/a/b%2fc");
  EXPECT_EQ(target("/%41"), "/a/%41");
  EXPECT_EQ(target("//x/../y"), "/a//x/../y");
  EXPECT_EQ(target("/x?a=1&a=%zz;b"), "/a/x?a=1&a=%zz;b");
}

// R07
TEST_F(Rewriting, KeepHostPutsTheClientsHostBack) {
  const Request& sent = sent_after([](ProxyRequest& r) {
    r.set_url("http://b"_url);
    r.keep_host();
  });
  EXPECT_EQ(sent.host(), "client.example");
}

// U38: the transport fills in the host of the URL.
TEST_F(Rewriting, KeepHostAddsNoHostWhenThereWasNone) {
  const Request& sent = sent_after(
      [](ProxyRequest& r) {
        r.set_url("http://b"_url);
        r.keep_host();
      },
      from_client({}));
  EXPECT_FALSE(sent.headers().has("Host"));
}

// R02, R04, HH07: hop-by-hop and forwarding fields are removed from `out`; `in` is as received.
TEST_F(Rewriting, SeesBothRequests) {
  std::vector<std::string> in;
  std::vector<std::string> out;
  std::string in_target;
  std::string out_target;
  Request request = from_client(
      {{"Host", "h"}, {"Connection", "X-Hop"}, {"X-Hop", "1"}, {"X-Forwarded-For", "6.6.6.6"}},
      "/p?q");
  request.set_body(Body::of("content"));
  const Request& sent = sent_after(
      [&](ProxyRequest& r) {
        in = lines_of(r.in().headers());
        out = lines_of(r.out().headers());
        in_target = r.in().url().target();
        out_target = r.out().url().target();
        EXPECT_TRUE(r.in().body().is_empty());
        EXPECT_FALSE(r.out().body().is_empty());
        EXPECT_EQ(r.in().connection().peer, "192.0.2.7");
        EXPECT_FALSE(r.peer_is_trusted());
      },
      std::move(request));
  EXPECT_THAT(in,
              ElementsAre("Host: h", "Connection: X-Hop", "X-Hop: 1", "X-Forwarded-For: 6.6.6.6"));
  EXPECT_THAT(out, ElementsAre("Host: h", "CDN-Loop: onehop", "X-Forwarded-For: 192.0.2.7",
                               "X-Forwarded-Host: h", "X-Forwarded-Proto: http"));
  EXPECT_EQ(in_target, "/p?q");
  EXPECT_EQ(out_target, "/p?q");
  EXPECT_FALSE(sent.body().is_empty());
}

// R03, HH06: a client that names a field in Connection does not remove the one that the hook adds.
TEST_F(Rewriting, AddsFieldsThatNoClientCanRemove) {
  const Request& sent =
      sent_after([](ProxyRequest& r) { r.out().headers().set("X-Authenticated", "yes"); },
                 from_client({{"Connection", "X-Authenticated"}, {"X-Authenticated", "forged"}}));
  EXPECT_THAT(sent.headers().get_all("X-Authenticated"), ElementsAre("yes"));
}

// R08
TEST_F(Rewriting, MayReplaceTheRequest) {
  const Request& sent = sent_after([](ProxyRequest& r) {
    r.out() = Request(Method::post, "http://other/x"_url, Headers{{"Host", "other"}});
  });
  EXPECT_EQ(sent.method(), Method::post);
  EXPECT_EQ(sent.url().to_string(), "http://other/x");
  EXPECT_THAT(lines_of(sent.headers()), ElementsAre("Host: other"));
}

// XF04
TEST_F(Rewriting, MayRemoveXForwardedFor) {
  const Request& sent =
      sent_after([](ProxyRequest& r) { r.out().headers().erase("X-Forwarded-For"); });
  EXPECT_FALSE(sent.headers().has("X-Forwarded-For"));
}

TEST_F(Rewriting, WritesTheStandardForwardedField) {
  const Request& sent = sent_after([](ProxyRequest& r) { r.set_forwarded_element(); },
                                   from_client({{"Host", "h"}, {"Forwarded", "for=6.6.6.6"}}));
  EXPECT_THAT(sent.headers().get_all("Forwarded"), ElementsAre("for=192.0.2.7;host=h;proto=http"));
}

TEST_F(Rewriting, SeesWhetherThePeerIsTrusted) {
  trust_ = {"192.0.2.0/24"};
  const Headers claims = {{"Forwarded", "for=9.9.9.9"}, {"X-Forwarded-For", "9.9.9.9"}};
  bool trusted = false;
  const Request& appended = sent_after([&](ProxyRequest& r) { trusted = r.peer_is_trusted(); },
                                       from_client(claims.clone()));
  EXPECT_TRUE(trusted);
  EXPECT_THAT(lines_of(appended.headers()),
              ElementsAre("Forwarded: for=9.9.9.9", "CDN-Loop: onehop",
                          "X-Forwarded-For: 9.9.9.9, 192.0.2.7", "X-Forwarded-Proto: http"));
  const Request& replaced =
      sent_after([](ProxyRequest& r) { r.set_forwarded(); }, from_client(claims.clone()));
  EXPECT_EQ(replaced.headers().get_or_empty("X-Forwarded-For"), "192.0.2.7");
}

TEST_F(Rewriting, MayAppendForwardedFieldsItself) {
  const Request& sent = sent_after([](ProxyRequest& r) { r.append_forwarded(); },
                                   from_client({{"X-Forwarded-For", "9.9.9.9"}}));
  EXPECT_EQ(sent.headers().get_or_empty("X-Forwarded-For"), "9.9.9.9, 192.0.2.7");
}

TEST(RewriteHookAnswer, IsReturnedWithoutContactingTheUpstream) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  const ReverseProxy proxy({.rewrite =
                                [](ProxyRequest& r) {
                                  r.answer(Response(Status::forbidden, "first"));
                                  r.answer(Response(Status::not_found, "last"));
                                },
                            .transport = upstream,
                            .modify_response = [](Response&) -> Result<void> {
                              return failure(Errc::bad_response, Side::upstream);
                            }});
  Response response = serve(proxy, from_client());
  EXPECT_EQ(upstream->calls(), 0);
  EXPECT_EQ(response.status(), Status::not_found);
  EXPECT_EQ(test::text_of(response.body()), "last");
}

TEST(RewriteHookAnswer, ReleasesTheUpload) {
  bool gone = false;
  const ReverseProxy proxy(
      {.rewrite = [](ProxyRequest& r) { r.answer(Response(Status::forbidden)); },
       .transport = std::make_shared<const test::ScriptedUpstream>()});
  Request request = from_client();
  request.set_body(test::unending_body(&gone));
  serve(proxy, std::move(request));
  EXPECT_TRUE(gone);
}

// E16: the server responds with 500.
TEST(RewriteHookExceptions, PassThrough) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  const ReverseProxy proxy({.rewrite = [](ProxyRequest&) { throw std::runtime_error("no route"); },
                            .transport = upstream});
  EXPECT_THROW(serve(proxy, from_client()), std::runtime_error);
  EXPECT_EQ(upstream->calls(), 0);
}

// HO17: a field that would split the message cannot be set.
TEST(RewriteHookExceptions, AreThrownForInvalidFields) {
  const ReverseProxy proxy(
      {.rewrite = [](ProxyRequest& r) { r.out().headers().set("X-A", "1\r\nX-B: 2"); },
       .transport = std::make_shared<const test::ScriptedUpstream>()});
  EXPECT_THROW(serve(proxy, from_client()), std::invalid_argument);
}

TEST(Director, GetsOnlyTheOutboundRequest) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  const ReverseProxy proxy({.rewrite = director([](Request& out) {
                              out.set_url(out.url().resolved_below("http://b/base"_url));
                              out.headers().set("X-Added", "1");
                            }),
                            .transport = upstream});
  serve(proxy, from_client({{"Host", "some-name"}, {"Connection", "X-Added"}}, "/dir"));
  EXPECT_EQ(upstream->last().url().to_string(), "http://b/base/dir");
  EXPECT_EQ(upstream->last().host(), "some-name");  // U23
  EXPECT_EQ(upstream->last().headers().get_or_empty("X-Added"), "1");
}

TEST(Director, RequiresAFunction) {
  EXPECT_THROW(director(std::function<void(Request&)>()), std::invalid_argument);
}

// A handler as the upstream: there is no network, so the URL need not be absolute.
TEST(Director, WorksWithAHandlerAsUpstream) {
  std::string path;
  const auto handler = make_handler([&path](Request request) {
    path = request.url().path();
    return Response(Status::ok, "fine");
  });
  const ReverseProxy proxy(
      {.rewrite = director([](Request&) {}), .transport = round_tripper_over(handler)});
  Response response = serve(proxy, from_client({}, "/a?b=c"));
  EXPECT_EQ(response.status(), Status::ok);
  EXPECT_EQ(path, "/a");
}

}  // namespace
}  // namespace onehop
