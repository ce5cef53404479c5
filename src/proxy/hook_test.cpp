// SPDX-License-Identifier: Apache-2.0
//
// The functions that may be a rewrite or a modify_response hook, and the results that they may
// return, plain or as a coroutine.
#include <onehop/hook.hpp>

#include <onehop/reverse_proxy.hpp>

#include "http/message_access.hpp"
#include "support/scripted_upstream.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using literals::operator""_url;
using test::from_client;
using test::serve;

struct Hooked {
  int status;
  int calls;
  std::string content;

  friend bool operator==(const Hooked&, const Hooked&) = default;
};

Hooked served_with(RewriteHook rewrite, ResponseHook modify = {}) {
  const auto upstream = std::make_shared<const test::ScriptedUpstream>();
  const ReverseProxy proxy(
      {.rewrite = std::move(rewrite), .transport = upstream, .modify_response = std::move(modify)});
  Response response = serve(proxy, from_client());
  return {response.status().code(), upstream->calls(), test::text_of(response.body())};
}

const Hooked kFine = {200, 1, "fine"};
const Hooked kInstead = {403, 0, "instead"};

Response instead() {
  return {403, "instead"};
}

void to_backend(ProxyRequest& request) {
  request.set_url("http://backend"_url);
}

TEST(RewriteHook, MayBePlain) {
  EXPECT_EQ(served_with(to_backend), kFine);
  EXPECT_EQ(served_with(std::function<void(ProxyRequest&)>(to_backend)), kFine);
  EXPECT_EQ(served_with([](ProxyRequest& r) -> Result<void> {
              to_backend(r);
              return {};
            }),
            kFine);
  EXPECT_EQ(served_with([](ProxyRequest& r) -> std::optional<Response> {
              to_backend(r);
              return std::nullopt;
            }),
            kFine);
  EXPECT_EQ(served_with([](ProxyRequest&) -> std::optional<Response> { return instead(); }),
            kInstead);
  EXPECT_EQ(served_with([](ProxyRequest&) { return instead(); }), kInstead);
  EXPECT_EQ(served_with([](ProxyRequest&) -> Result<Response> { return instead(); }), kInstead);
  EXPECT_EQ(served_with([](ProxyRequest& r) { r.answer(instead()); }), kInstead);
}

TEST(RewriteHook, MayBeACoroutine) {
  const std::string kept = "a capture that the coroutine uses";
  EXPECT_EQ(served_with([kept](ProxyRequest& r) -> task<void> {
              r.set_url("http://backend"_url);
              r.out().headers().set("X-Kept", kept);
              co_return;
            }),
            kFine);
  EXPECT_EQ(served_with([](ProxyRequest& r) -> task<Result<void>> {
              to_backend(r);
              co_return Result<void>();
            }),
            kFine);
  EXPECT_EQ(
      served_with([](ProxyRequest&) -> task<std::optional<Response>> { co_return instead(); }),
      kInstead);
  EXPECT_EQ(served_with([](ProxyRequest&) -> task<Response> { co_return instead(); }), kInstead);
  EXPECT_EQ(served_with([](ProxyRequest& r) -> task<void> {
              r.answer(instead());
              co_return;
            }),
            kInstead);
}

TEST(RewriteHook, FailsWithItsError) {
  const auto fail = [](ProxyRequest&) -> Result<void> {
    return failure(Errc::too_many_requests, Side::client);
  };
  EXPECT_EQ(served_with(fail).status, 429);
  const auto fail_later = [](ProxyRequest&) -> task<Result<void>> {
    co_return failure(Errc::too_many_requests, Side::client);
  };
  EXPECT_EQ(served_with(fail_later).status, 429);
}

TEST(RewriteHook, ReportsAMissingUrl) {
  ExchangeRecord record;
  Request request = from_client();
  MessageAccess::set_record(request, &record);
  const ReverseProxy proxy(
      {.rewrite = [](ProxyRequest& r) { r.out().headers().set("A", "1"); },
       .transport = test::upstream_failing_with(Error(Errc::bad_url, Side::upstream))});
  EXPECT_EQ(serve(proxy, std::move(request)).status(), 500);
  ASSERT_TRUE(record.failure);
  EXPECT_EQ(record.failure->detail(),
            "rewrite set no URL: call set_url() with the URL of the upstream");
}

TEST(Director, MayBeACoroutine) {
  EXPECT_EQ(served_with(director([](Request& out) -> task<void> {
              out.set_url("http://backend"_url);
              co_return;
            })),
            kFine);
}

const Hooked kModified = {418, 1, "modified"};

Response modified() {
  return {Status::im_a_teapot, "modified"};
}

TEST(ResponseHook, MayBePlain) {
  const auto edit = [](Response& response) { response.set_status(201); };
  EXPECT_EQ(served_with(to_backend, edit), (Hooked{201, 1, "fine"}));
  EXPECT_EQ(served_with(to_backend, [](Response&) { return modified(); }), kModified);
  EXPECT_EQ(served_with(to_backend, [](ProxyResponse& r) { r.answer(modified()); }), kModified);
  EXPECT_EQ(served_with(to_backend, [](ProxyResponse&) -> std::optional<Response> { return {}; }),
            kFine);
}

TEST(ResponseHook, MayBeACoroutine) {
  EXPECT_EQ(served_with(to_backend, [](Response&) -> task<Response> { co_return modified(); }),
            kModified);
  EXPECT_EQ(served_with(to_backend,
                        [](ProxyResponse& r) -> task<void> {
                          r.response().set_status(202);
                          co_return;
                        }),
            (Hooked{202, 1, "fine"}));
  EXPECT_EQ(served_with(to_backend,
                        [](Response&) -> task<Result<void>> {
                          co_return failure(Errc::bad_response, Side::upstream);
                        })
                .status,
            502);
}

TEST(ResponseHook, SeesBothRequests) {
  std::vector<std::string> seen;
  const auto look = [&seen](ProxyResponse& r) {
    seen = {std::string(r.in().url().to_string()), std::string(r.out().url().to_string()),
            std::string(r.in().headers().get_or_empty("X-Sent")),
            std::string(r.out().headers().get_or_empty("X-Sent")),
            *r.out().values().get<std::string>()};
  };
  const auto rewrite = [](ProxyRequest& r) {
    to_backend(r);
    r.out().headers().set("X-Sent", "yes");
    r.in().values().set(std::string("a value"));
  };
  EXPECT_EQ(served_with(rewrite, look), kFine);
  EXPECT_EQ(seen, (std::vector<std::string>{"/", "http://backend/", "", "yes", "a value"}));
}

}  // namespace
}  // namespace onehop
