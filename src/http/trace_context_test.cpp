// SPDX-License-Identifier: Apache-2.0
#include "http/trace_context.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

constexpr std::string_view kId = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kValid = "00-" + std::string(kId) + "-00f067aa0ba902b7-01";

TEST(TraceContext, FindsTheTraceId) {
  EXPECT_EQ(trace_id_in(kValid), kId);
  EXPECT_EQ(trace_id_in("00-00000000000000000000000000000001-0000000000000001-ff"),
            "00000000000000000000000000000001");
}

TEST(TraceContext, ALaterVersionMayHaveMore) {
  EXPECT_EQ(trace_id_in("cc" + kValid.substr(2)), kId);
  EXPECT_EQ(trace_id_in("cc" + kValid.substr(2) + "-what.comes"), kId);
  EXPECT_EQ(trace_id_in("cc" + kValid.substr(2) + "x"), "");
  EXPECT_EQ(trace_id_in(kValid + "-more"), "");
}

TEST(TraceContext, RefusesWhatIsNotValid) {
  const std::string parent = "-00f067aa0ba902b7-01";
  for (const std::string& value :
       {std::string(), std::string("00"), kValid.substr(0, 54), kValid + "0", " " + kValid,
        "ff" + kValid.substr(2), "0G" + kValid.substr(2),
        "00-4BF92F3577B34DA6A3CE929D0E0E4736" + parent,
        "00-4bf92f3577b34da6a3ce929d0e0e473g" + parent,
        "00-4bf92f3577b34da6a3ce929d0e0e473\"" + parent, "00-" + std::string(32, '0') + parent,
        "00-" + std::string(kId) + "-0000000000000000-01",
        "00-" + std::string(kId) + "-00f067aa0ba902bX-01",
        "00-" + std::string(kId) + "-00f067aa0ba902b7-0x",
        "00_" + std::string(kId) + "-00f067aa0ba902b7-01",
        "00-" + std::string(kId) + "_00f067aa0ba902b7-01",
        "00-" + std::string(kId) + "-00f067aa0ba902b7_01"}) {
    EXPECT_EQ(trace_id_in(value), "") << value;
  }
}

TEST(TraceContext, OfARequestIsThatOfItsOneField) {
  EXPECT_EQ(trace_id_of(Headers({{"Host", "h"}, {"TraceParent", kValid}})), kId);
  EXPECT_EQ(trace_id_of(Headers({{"Host", "h"}})), "");
  EXPECT_EQ(trace_id_of(Headers({{"traceparent", kValid}, {"Traceparent", kValid}})), "");
}

}  // namespace
}  // namespace onehop
