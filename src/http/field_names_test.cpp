// SPDX-License-Identifier: Apache-2.0

#include "http/field_names.hpp"

#include "base/ascii.hpp"
#include "http/field_rules.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

constexpr std::size_t kRows = detail::kFieldFlags.size();

TEST(FieldNames, EveryRowIsFoundInAnyCase) {
  for (std::size_t row = 1; row < kRows; ++row) {
    const auto id = static_cast<FieldId>(row);
    std::string name(name_of(id));
    ASSERT_FALSE(name.empty());
    EXPECT_EQ(find_field(name), id) << name;
    std::transform(name.begin(), name.end(), name.begin(), ascii::to_lower);
    EXPECT_EQ(find_field(name), id) << name;
    for (char& c : name) {
      if (ascii::is_alpha(c)) c = static_cast<char>(c ^ 0x20);
    }
    EXPECT_EQ(find_field(name), id) << name;
  }
}

TEST(FieldNames, ANameThatDiffersByOneByteIsUnknown) {
  for (std::size_t row = 1; row < kRows; ++row) {
    const std::string_view name = name_of(static_cast<FieldId>(row));
    for (std::size_t at = 0; at < name.size(); ++at) {
      for (const int flip : {0x01, 0x10, 0x40, 0x80}) {
        std::string other(name);
        other[at] = static_cast<char>(other[at] ^ flip);
        EXPECT_NE(find_field(other), static_cast<FieldId>(row)) << other;
      }
      if (name[at] != '-') continue;
      std::string other(name);
      other[at] = '\r';  // differs from '-' in the bit that is a letter's case
      EXPECT_EQ(find_field(other), FieldId::unknown) << name;
    }
    EXPECT_EQ(find_field(std::string(name) + "x"), FieldId::unknown);
  }
  EXPECT_EQ(find_field(""), FieldId::unknown);
  EXPECT_EQ(find_field("X-Whatever"), FieldId::unknown);
  EXPECT_EQ(find_field(std::string(10000, 'a')), FieldId::unknown);
}

TEST(FieldNames, HopByHopMatchesTheSpecification) {
  std::string names;
  for (std::size_t row = 1; row < kRows; ++row) {
    const auto id = static_cast<FieldId>(row);
    if (is_hop_by_hop(id)) names.append(name_of(id)).append(" ");
  }
  EXPECT_EQ(names,
            "Connection Keep-Alive Proxy-Connection Proxy-Authenticate Proxy-Authorization TE "
            "Trailer Transfer-Encoding Upgrade ");
}

TEST(FieldNames, ForbiddenInTrailers) {
  for (const std::string_view name : {"Transfer-Encoding",
                                      "content-length",
                                      "Host",
                                      "Connection",
                                      "Authorization",
                                      "Cookie",
                                      "Set-Cookie",
                                      "Expect",
                                      "Range",
                                      "Cache-Control",
                                      "If-None-Match",
                                      "If-Anything",
                                      "Max-Forwards",
                                      "X-Forwarded-For",
                                      "X-Forwarded-Prefix",
                                      "Forwarded",
                                      "X-Real-IP",
                                      "Content-Type",
                                      "content-whatever",
                                      "TE",
                                      "Trailer",
                                      "Upgrade",
                                      "Keep-Alive",
                                      "Proxy-Authorization",
                                      "Proxy-Status",
                                      "WWW-Authenticate",
                                      "X-Original-URL"}) {
    EXPECT_TRUE(is_forbidden_in_trailers(find_field(name), name)) << name;
  }
  for (const std::string_view name : {"grpc-status", "grpc-message", "X-Checksum", "Content-Digest",
                                      "ETag", "Server-Timing", "x-amz-checksum-crc32"}) {
    EXPECT_FALSE(is_forbidden_in_trailers(find_field(name), name)) << name;
  }
}

TEST(FieldNames, ProtectedFromConnection) {
  for (const std::string_view name :
       {"Host", "Cookie", "Set-Cookie", "Authorization", "Content-Length", "Content-Encoding",
        "content-anything", "X-Forwarded-For", "X-Forwarded-Prefix", "Forwarded", "Date", "ETag",
        "Location", "Cache-Control", "Via", "X-Request-ID", "Traceparent", "tracestate",
        "cdn-loop"}) {
    EXPECT_TRUE(is_protected_from_connection(find_field(name), name)) << name;
  }
  for (const std::string_view name :
       {"X-A", "traceparent-x", "Keep-Alive", "Upgrade", "HTTP2-Settings", "close"}) {
    EXPECT_FALSE(is_protected_from_connection(find_field(name), name)) << name;
  }
}

}  // namespace
}  // namespace onehop
