// SPDX-License-Identifier: Apache-2.0
//
// The names that tests of HTTP/1 exchanges import with `using namespace test::vocabulary;`.
#pragma once

#include <onehop/scope.hpp>
#include <onehop/testing.hpp>

#include "support/messages.hpp"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::test::vocabulary {

using namespace std::chrono_literals;

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using onehop::testing::Network;
using onehop::testing::Wire;

using test::body_of;
using test::count_of;
using test::status_of;
using test::without_date;

}  // namespace onehop::test::vocabulary
