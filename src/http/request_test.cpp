// SPDX-License-Identifier: Apache-2.0

#include <onehop/request.hpp>

#include <onehop/response.hpp>

#include "http/message_access.hpp"

#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace literals;  // NOLINT(google-build-using-namespace)

TEST(Request, CloneHeadCopiesEverythingExceptContentAndRecord) {
  Request request(Method::post, "http://h/p"_url, Headers{{"Host", "h"}, {"A", "1"}},
                  Body::of("content"));
  ExchangeRecord exchange;
  MessageAccess::set_record(request, &exchange);
  ConnectionInfo connection;
  connection.peer = "192.0.2.1";
  MessageAccess::set_connection(request, connection);
  int calls = 0;
  MessageAccess::on_informational(request, [&calls](const Response&) { ++calls; });

  Request copy = request.clone_head();
  copy.headers().set("A", "2");
  EXPECT_EQ(copy.method(), Method::post);
  EXPECT_EQ(copy.url().to_string(), "http://h/p");
  EXPECT_EQ(copy.host(), "h");
  EXPECT_EQ(copy.connection().peer, "192.0.2.1");
  EXPECT_TRUE(copy.body().is_empty());
  EXPECT_EQ(copy.record(), nullptr);
  copy.send_informational(Response(Status::early_hints));
  EXPECT_EQ(calls, 1);

  EXPECT_EQ(request.headers().get("A"), "1");
  EXPECT_FALSE(request.body().is_empty());
}

TEST(Request, DefaultsToGetOfTheRoot) {
  const Request request;
  EXPECT_EQ(request.method(), Method::get);
  EXPECT_EQ(request.url().target(), "/");
  EXPECT_EQ(request.host(), "");
}

}  // namespace
}  // namespace onehop
