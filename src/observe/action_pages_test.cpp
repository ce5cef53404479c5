// SPDX-License-Identifier: Apache-2.0
#include "observe/action_pages.hpp"

#include <onehop/testing.hpp>

#include "http/message_access.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

struct Answer {
  int status;
  std::string text;
};

task<Answer> served(const AdminPages& pages, Request request) {
  auto serving = pages.serve(std::move(request));
  Response response = co_await std::move(serving);
  auto reading = response.body().read_all(100'000);
  auto text = co_await std::move(reading);
  co_return Answer{response.status().code(), text.value()};
}

Answer ask(const AdminPages& pages,
           Method method,
           std::string_view path,
           std::string content = {},
           std::string_view peer = {}) {
  Request request(method, Url::parse_target(path).value(), {}, Body::of(std::move(content)));
  ConnectionInfo connection;
  connection.peer = peer;
  MessageAccess::set_connection(request, connection);
  return testing::run(served(pages, std::move(request)));
}

AdminPages pages_with(Actions actions) {
  std::vector<AdminPage> pages = action_pages(std::move(actions));
  pages.push_back(text_page("/text", "text/plain", [] { return std::string("hello\n"); }));
  return AdminPages(std::move(pages), AdminRules());
}

TEST(ActionPages, RunTheActionAndReportItsResult) {
  const AdminPages pages = pages_with(
      {.reload =
           [] {
             return ActionResult{.done = false, .summary = "1 error", .findings = {"a\nb", "c"}};
           },
       .drain = [] { return ActionResult{.done = true, .summary = "draining"}; }});
  const Answer failed = ask(pages, Method::post, "/reload");
  EXPECT_EQ(failed.status, 409);
  const auto result = action_result_from(failed.text);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->done);
  EXPECT_EQ(result->summary, "1 error");
  EXPECT_EQ(result->findings, (std::vector<std::string>{"a\nb", "c"}));
  const Answer drained = ask(pages, Method::post, "/drain");
  EXPECT_EQ(drained.status, 200);
  EXPECT_TRUE(action_result_from(drained.text)->done);
}

TEST(ActionPages, DoNotExistWithoutAnAction) {
  EXPECT_EQ(ask(pages_with({}), Method::post, "/reload").status, 404);
}

TEST(ActionPages, ALevelIsOneOfFourWords) {
  std::optional<LogLevel> level;
  const AdminPages pages = pages_with({.set_log_level = [&](LogLevel given) {
    level = given;
    return ActionResult{.done = true, .summary = "set"};
  }});
  EXPECT_EQ(ask(pages, Method::post, "/log-level", "loud").status, 409);
  EXPECT_EQ(ask(pages, Method::post, "/log-level").status, 409);
  EXPECT_EQ(level, std::nullopt);
  EXPECT_EQ(ask(pages, Method::post, "/log-level", "info").status, 200);
  EXPECT_EQ(level, LogLevel::info);
}

TEST(AdminPages, ChangeNothingForGetOrOverTcp) {
  int drains = 0;
  const AdminPages pages = pages_with({.drain = [&] {
    ++drains;
    return ActionResult{.done = true, .summary = "draining"};
  }});
  EXPECT_EQ(ask(pages, Method::get, "/drain").status, 405);
  EXPECT_EQ(ask(pages, Method::post, "/drain", {}, "127.0.0.1").status, 403);
  EXPECT_EQ(drains, 0);
  EXPECT_EQ(ask(pages, Method::post, "/drain").status, 200);
  EXPECT_EQ(drains, 1);
}

TEST(AdminPages, AreReadWithGetAndHead) {
  const AdminPages pages = pages_with({});
  EXPECT_EQ(ask(pages, Method::get, "/text").text, "hello\n");
  EXPECT_EQ(ask(pages, Method::get, "/text", {}, "127.0.0.1").text, "hello\n");
  EXPECT_EQ(ask(pages, Method::head, "/text").status, 200);
  EXPECT_EQ(ask(pages, Method::post, "/text").status, 405);
  EXPECT_EQ(ask(pages, Method::get, "/none").status, 404);
  EXPECT_EQ(ask(pages, Method::get, "/text/").status, 404);
}

TEST(ActionResult, RejectsForeignText) {
  for (const char* const text : {"", "null", "[]", "{}", "{\"done\":1,\"summary\":\"x\"}",
                                 "{\"done\":true}", "not json", "{\"done\":true,\"summary\":7}"})
    EXPECT_FALSE(action_result_from(text)) << text;
}

TEST(ActionResult, SurvivesBytesThatAreNotUtf8) {
  const auto result = action_result_from(to_json({.done = true, .summary = "a\xff"}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->summary, "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace onehop::observe
