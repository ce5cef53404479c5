// SPDX-License-Identifier: Apache-2.0

#include "http/hop_by_hop.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Returns the remaining fields as "name: value", in order.
std::vector<std::string> left_of(Headers headers, TrailerField trailer = TrailerField::remove) {
  remove_hop_by_hop(headers, trailer);
  std::vector<std::string> lines;
  for (const Field field : headers) {
    lines.push_back(std::string(field.name) + ": " + std::string(field.value));
  }
  return lines;
}

// HH01
TEST(HopByHop, RemovesTheFixedListInAnyCase) {
  EXPECT_THAT(left_of({{"Connection", "keep-alive"},
                       {"proxy-connection", "keep-alive"},
                       {"KEEP-ALIVE", "timeout=5"},
                       {"Proxy-Authenticate", "Basic"},
                       {"Proxy-Authorization", "Basic eA=="},
                       {"Te", "gzip"},
                       {"Trailer", "X-T"},
                       {"transfer-encoding", "chunked"},
                       {"Upgrade", "h2c"}}),
              IsEmpty());
}

// HH11, HH12
TEST(HopByHop, KeepsEverythingElseInItsOrder) {
  EXPECT_THAT(
      left_of({{"HTTP2-Settings", "AAMAAABkAAQ"},
               {"Expect", "100-continue"},
               {"Via", "1.1 a"},
               {"Connection", "close"},
               {"Alt-Svc", "clear"},
               {"Proxy-Status", "a"},
               {"Age", "1"},
               {"Trailers", "X-T"},
               {"Warning", "199"}}),
      ElementsAre("HTTP2-Settings: AAMAAABkAAQ", "Expect: 100-continue", "Via: 1.1 a",
                  "Alt-Svc: clear", "Proxy-Status: a", "Age: 1", "Trailers: X-T", "Warning: 199"));
}

TEST(HopByHop, LeavesAHeadWithoutHopByHopFieldsAlone) {
  EXPECT_THAT(left_of({{"Host", "a"}, {"X-A", "1"}}), ElementsAre("Host: a", "X-A: 1"));
  EXPECT_THAT(left_of({}), IsEmpty());
}

// HH02, HH03
TEST(HopByHop, RemovesFieldsNamedByConnection) {
  EXPECT_THAT(left_of({{"X-A", "1"}, {"Connection", "X-A, x-b"}, {"X-B", "2"}, {"X-C", "3"}}),
              ElementsAre("X-C: 3"));
}

TEST(HopByHop, ReadsEveryConnectionLine) {
  EXPECT_THAT(
      left_of({{"Connection", "keep-alive"}, {"X-A", "1"}, {"x-a", "2"}, {"connection", "X-a"}}),
      IsEmpty());
}

// HH04
TEST(HopByHop, ContinuesAfterAnEmptyConnectionLine) {
  EXPECT_THAT(left_of({{"Connection", ""}, {"Connection", "X-A"}, {"X-A", "1"}}), IsEmpty());
}

// HH05
TEST(HopByHop, SkipsEmptyListMembers) {
  EXPECT_THAT(left_of({{"Connection", ", X-A ,"}, {"X-A", "1"}}), IsEmpty());
}

// HH06
TEST(HopByHop, DoesNotLetConnectionTakeEndToEndFields) {
  EXPECT_THAT(
      left_of({{"Connection",
                "Host, Cookie, authorization, Content-Type, Content-Foo, X-Forwarded-For, "
                "X-Forwarded-Port, X-Real-IP"},
               {"Host", "a"},
               {"Cookie", "b=c"},
               {"Authorization", "Basic eA=="},
               {"Content-Type", "text/plain"},
               {"Content-Foo", "d"},
               {"X-Forwarded-For", "192.0.2.1"},
               {"X-Forwarded-Port", "80"},
               {"X-Real-IP", "192.0.2.1"}}),
      ElementsAre("Host: a", "Cookie: b=c", "Authorization: Basic eA==", "Content-Type: text/plain",
                  "Content-Foo: d", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Port: 80",
                  "X-Real-IP: 192.0.2.1"));
}

// HH19
TEST(HopByHop, KeepsContentLengthWhenConnectionNamesIt) {
  EXPECT_THAT(left_of({{"Connection", "Content-Length"}, {"Content-Length", "3"}}),
              ElementsAre("Content-Length: 3"));
}

// HH11
TEST(HopByHop, RemovesUnprotectedKnownFieldsNamedByConnection) {
  EXPECT_THAT(left_of({{"Connection", "Upgrade, HTTP2-Settings"},
                       {"HTTP2-Settings", "AAMAAABkAAQ"},
                       {"Upgrade", "h2c"}}),
              IsEmpty());
}

// HH13
TEST(HopByHop, ReadsTheNamesNextToClose) {
  EXPECT_THAT(left_of({{"Connection", "X-Hop, close"}, {"X-Hop", "v"}}), IsEmpty());
  EXPECT_THAT(left_of({{"Connection", "close, x-hOP"}, {"X-Hop", "v"}}), IsEmpty());
  EXPECT_THAT(left_of({{"Connection", "CLOSE"}, {"Connection", "x-hop"}, {"X-Hop", "v"}}),
              IsEmpty());
}

TEST(HopByHop, ComparesWholeNames) {
  EXPECT_THAT(left_of({{"Connection", "X-Ab, Y"}, {"X-A", "1"}, {"X-Abc", "2"}, {"X-Ac", "3"}}),
              ElementsAre("X-A: 1", "X-Abc: 2", "X-Ac: 3"));
}

TEST(HopByHop, KeepsTheTrailerFieldWhenAsked) {
  EXPECT_THAT(left_of({{"Trailer", "X-T"}, {"TE", "trailers"}}, TrailerField::keep),
              ElementsAre("Trailer: X-T"));
  EXPECT_THAT(left_of({{"Connection", "Trailer, X-A"}, {"Trailer", "X-T"}, {"X-A", "1"}},
                      TrailerField::keep),
              ElementsAre("Trailer: X-T"));
}

// A peer may name thousands of fields on hundreds of lines.
TEST(HopByHop, HandlesThousandsOfNames) {
  Headers headers;
  std::string names;
  for (int i = 0; i < 10000; ++i)
    names += "n" + std::to_string(i) + ",";
  headers.add("Connection", names);
  for (int i = 0; i < 250; ++i)
    headers.add("N" + std::to_string(i * 40), "v");
  headers.add("N10000", "stays");
  EXPECT_THAT(left_of(std::move(headers)), ElementsAre("N10000: stays"));
}

}  // namespace
}  // namespace onehop
