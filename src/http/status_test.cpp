// SPDX-License-Identifier: Apache-2.0

#include <onehop/status.hpp>

#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(Status, HasTheRegisteredReasonOrNone) {
  EXPECT_EQ(Status().code(), 200);
  EXPECT_EQ(Status::ok.reason(), "OK");
  EXPECT_EQ(Status::content_too_large.reason(), "Content Too Large");
  EXPECT_EQ(Status(511).reason(), "Network Authentication Required");
  EXPECT_EQ(Status(299).reason(), "");
  EXPECT_EQ(Status(799).reason(), "");
}

// An int converts to a status. No other type converts to a status by way of int.
static_assert(Status::not_found == 404);
static_assert(std::is_convertible_v<int, Status>);
static_assert(!std::is_convertible_v<bool, Status> && !std::is_convertible_v<double, Status> &&
              !std::is_convertible_v<unsigned long, Status>);
static_assert(Status::too_many_requests.code() == 429 && Status::loop_detected.code() == 508);

TEST(Status, EveryNamedStatusHasAReason) {
  for (const Status status : {Status::continue_, Status::non_authoritative_information,
                              Status::im_used, Status::payment_required, Status::gone,
                              Status::unprocessable_content, Status::not_extended}) {
    EXPECT_NE(status.reason(), "") << status.code();
  }
}

static_assert(Status(100).code() == 100);
static_assert(Status(999).code() == 999);
static_assert(Status::try_from(204) == Status::no_content);

// 66,036 is 500 in sixteen bits.
TEST(Status, RejectsCodesOutsideThreeDigits) {
  for (const int code : {std::numeric_limits<int>::min(), -200, 0, 42, 99, 1000, 66'036,
                         std::numeric_limits<int>::max()}) {
    EXPECT_FALSE(Status::try_from(code)) << code;
    try {
      const Status made(code);
      ADD_FAILURE() << code << " became " << made.code();
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(), "status " + std::to_string(code) + " is not from 100 to 999");
    }
  }
  for (int code = 100; code <= 999; ++code) {
    EXPECT_EQ(Status(code).code(), code);
    EXPECT_EQ(Status::try_from(code), Status(code));
  }
}

TEST(Status, ForbidsBody) {
  for (const int code : {100, 101, 103, 199, 204, 304}) {
    EXPECT_TRUE(Status(code).forbids_body()) << code;
  }
  for (const int code : {200, 205, 206, 301, 404, 500}) {
    EXPECT_FALSE(Status(code).forbids_body()) << code;
  }
}

}  // namespace
}  // namespace onehop
