// SPDX-License-Identifier: Apache-2.0

#include <onehop/values.hpp>

#include <onehop/request.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace onehop {
namespace {

struct User {
  std::string name;
};

struct alignas(16) Wide {
  char text[48] = "wide";
};

TEST(Values, HoldOneValueOfEachType) {
  const Request request;
  EXPECT_EQ(request.values().get<User>(), nullptr);
  EXPECT_EQ(request.values().set(User{"alice"}).name, "alice");
  request.values().set(7);
  request.values().set(Wide());
  EXPECT_EQ(request.values().get<User>()->name, "alice");
  EXPECT_EQ(*request.values().get<int>(), 7);
  EXPECT_EQ(request.values().get<unsigned>(), nullptr);
  EXPECT_STREQ(request.values().get<Wide>()->text, "wide");

  User* const first = request.values().get<User>();
  request.values().set(User{"bob"});
  EXPECT_EQ(request.values().get<User>(), first);
  EXPECT_EQ(first->name, "bob");
}

TEST(Values, AreSharedBetweenARequestAndItsCopies) {
  Request request(Method::get, Url());
  const Request copy = request.clone_head();
  request.values().set(1);
  copy.values().set(User{"alice"});
  EXPECT_EQ(*copy.values().get<int>(), 1);
  EXPECT_EQ(request.values().get<User>()->name, "alice");
  const Request second = request.clone_head();
  request.headers() = Headers{{"A", "1"}};
  EXPECT_EQ(*request.values().get<int>(), 1);
  EXPECT_EQ(*second.values().get<int>(), 1);
}

TEST(Values, AreDestroyedWithTheLastMessage) {
  auto alive = std::make_shared<int>(0);
  {
    Request request(Method::get, Url());
    request.values().set(alive);
    const Request copy = request.clone_head();
    request = Request();
    EXPECT_EQ(alive.use_count(), 2);
    request.values().set(std::make_unique<int>(1));
    EXPECT_EQ(*copy.values().get<std::shared_ptr<int>>(), alive);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Values, RequireAnExchange) {
  const Values none;
  EXPECT_EQ(none.get<int>(), nullptr);
  EXPECT_THROW(none.set(1), std::logic_error);
}

}  // namespace
}  // namespace onehop
