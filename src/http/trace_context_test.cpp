// SPDX-License-Identifier: Apache-2.0
#include "http/trace_context.hpp"

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

constexpr std::string_view kId = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kValid = "00-" + std::string(kId) + "-00f067aa0ba902b7-01";

std::string_view trace_id_in(std::string_view traceparent) {
  const auto parts = parse_traceparent(traceparent);
  return parts ? parts->trace_id : std::string_view();
}

TEST(TraceContext, FindsTheTraceId) {
  EXPECT_EQ(trace_id_in(kValid), kId);
  EXPECT_EQ(trace_id_in("00-00000000000000000000000000000001-0000000000000001-ff"),
            "00000000000000000000000000000001");
}

TEST(TraceContext, ALaterVersionMayHaveMoreParts) {
  EXPECT_EQ(trace_id_in("cc" + kValid.substr(2)), kId);
  EXPECT_EQ(trace_id_in("cc" + kValid.substr(2) + "-what.comes"), kId);
  EXPECT_EQ(trace_id_in("cc" + kValid.substr(2) + "x"), "");
  EXPECT_EQ(trace_id_in(kValid + "-more"), "");
}

TEST(TraceContext, RejectsInvalidValues) {
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

TEST(TraceContext, RequiresExactlyOneField) {
  EXPECT_EQ(trace_id_of(Headers({{"Host", "h"}, {"TraceParent", kValid}})), kId);
  EXPECT_EQ(trace_id_of(Headers({{"Host", "h"}})), "");
  EXPECT_EQ(trace_id_of(Headers({{"traceparent", kValid}, {"Traceparent", kValid}})), "");
}

TEST(TraceParent, ParsesItsParts) {
  const auto parent = parse_traceparent(kValid);
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->trace_id, kId);
  EXPECT_EQ(parent->parent_id, "00f067aa0ba902b7");
  EXPECT_TRUE(parent->sampled);
}

// Only the last bit of the flags counts.
TEST(TraceParent, ReadsTheSampledBit) {
  for (unsigned flags = 0; flags < 256; ++flags) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", flags);
    const auto parent = parse_traceparent(kValid.substr(0, kValid.size() - 2) + hex);
    ASSERT_TRUE(parent) << hex;
    EXPECT_EQ(parent->sampled, flags % 2 == 1) << hex;
  }
}

TEST(TraceParent, IsWrittenInVersion00) {
  const std::string later = "cc" + kValid.substr(2) + "-more";
  const auto parent = parse_traceparent(later);
  ASSERT_TRUE(parent);
  const TraceParentText text = write_traceparent(*parent);
  EXPECT_EQ(std::string(text.begin(), text.end()), kValid);
  const TraceParentText other = write_traceparent(
      {.trace_id = parent->trace_id, .parent_id = "00000000000000ab", .sampled = false});
  EXPECT_EQ(std::string(other.begin(), other.end()),
            "00-" + std::string(kId) + "-00000000000000ab-00");
}

TEST(TraceState, IsAListOfPairs) {
  const std::string key(256, 'k');
  const std::string value(256, 'v');
  const std::string tenant(241, 't');
  for (const std::string& state :
       {std::string(), std::string("a=1"), std::string("a=1,b=2"), std::string(" a=1 \t,\tb=2 "),
        std::string(",a=1,,"), std::string("a0_-*/=~! x"), std::string("0t@s=1"), key + "=1",
        "a=" + value, tenant + "@" + std::string(14, 's') + "=1"})
    EXPECT_TRUE(is_valid_tracestate(state)) << state;
  for (const std::string& state :
       {std::string("a"), std::string("=1"), std::string("a="), std::string("A=1"),
        std::string("0=1"), std::string("a.b=1"), std::string("a=1=2"), std::string("a =1"),
        std::string("@s=1"), std::string("t@=1"), std::string("t@0=1"), std::string("a@b@c=1"),
        std::string("a=\xc3\xa9"), std::string("a=b\tc"), key + "k=1", "a=" + value + "v",
        tenant + "t@s=1", "t@" + std::string(15, 's') + "=1"})
    EXPECT_FALSE(is_valid_tracestate(state)) << state;
}

TEST(TraceState, HasAtMost32Members) {
  std::string state;
  for (int i = 0; i < 32; ++i)
    state += "k" + std::to_string(i) + "=1,";
  EXPECT_TRUE(is_valid_tracestate(state));
  EXPECT_FALSE(is_valid_tracestate(state + "more=1"));
}

TEST(TraceParentOf, AcceptsOneFieldOnly) {
  const std::string valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_TRUE(traceparent_of(Headers{{"Traceparent", valid}}));
  EXPECT_FALSE(traceparent_of(Headers{}));
  EXPECT_FALSE(traceparent_of(Headers{{"traceparent", valid}, {"traceparent", valid}}));
  EXPECT_FALSE(traceparent_of(Headers{{"traceparent", valid}, {"traceparent", ""}}));
  EXPECT_FALSE(traceparent_of(Headers{{"traceparent", ""}, {"traceparent", valid}}));
}

}  // namespace
}  // namespace onehop
