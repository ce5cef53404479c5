// SPDX-License-Identifier: Apache-2.0
//
// A client that fails at every octet of its request, and at every octet of the answer it reads, in
// every way and between any two versions of HTTP. See FaultMatrix for what is judged.
#include "support/fault_matrix.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::Answer;
using test::Fault;
using test::FaultMatrix;
using test::Protocol;
using test::Protocols;
using test::Question;
using test::Way;
using ::testing::IsEmpty;

using Case = FaultMatrix::Case;
using Kind = Question::Kind;

constexpr Question kGet{"GET"};
constexpr Question kPost{"POST", "POST", 12};
constexpr Question kChunkedPost{"chunked POST", "POST", 40, Kind::chunked};
constexpr Question kExpectingPost{"expecting POST", "POST", 12, Kind::expects};
constexpr Question kUpgrade{"upgrade", "GET", 0, Kind::upgrades};

constexpr Answer kLength{"length", Answer::Framing::length};
constexpr Answer kChunked{"chunked", Answer::Framing::chunked};

const std::vector<Way> kLeaving = {Way::close, Way::half_close, Way::reset};
const std::vector<Way> kAll = {Way::close, Way::half_close, Way::reset,
                               Way::stall, Way::delay,      Way::garble};

std::string name_of(const ::testing::TestParamInfo<Protocols>& info) {
  const auto name = [](Protocol each) { return each == Protocol::h1 ? "Http1" : "Http2"; };
  return std::string(name(info.param.client)) + "To" + name(info.param.backend);
}

class ClientFaults : public ::testing::TestWithParam<Protocols> {
 protected:
  void fail_everywhere(const Question& question, const std::vector<Way>& ways, bool used = false) {
    Case wanted{question, kLength};
    wanted.on_used_connection = used;
    EXPECT_THAT(matrix_.run_everywhere(wanted, &Case::client, ways), IsEmpty());
  }

  FaultMatrix matrix_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(All,
                         ClientFaults,
                         ::testing::Values(Protocols{Protocol::h1, Protocol::h1},
                                           Protocols{Protocol::h1, Protocol::h2},
                                           Protocols{Protocol::h2, Protocol::h1},
                                           Protocols{Protocol::h2, Protocol::h2}),
                         &name_of);

TEST_P(ClientFaults, InAGet) {
  fail_everywhere(kGet, kAll);
}

TEST_P(ClientFaults, InAPost) {
  fail_everywhere(kPost, kAll);
}

TEST_P(ClientFaults, InAChunkedPost) {
  fail_everywhere(kChunkedPost, kAll);
}

TEST_P(ClientFaults, InAPostThatAsksFirst) {
  fail_everywhere(kExpectingPost, kAll);
}

TEST_P(ClientFaults, InAnUpgrade) {
  fail_everywhere(kUpgrade, {Way::close, Way::reset, Way::stall, Way::delay});
}

TEST_P(ClientFaults, OnAConnectionThatWasUsedBefore) {
  fail_everywhere(kPost, kAll, true);
}

// The backend answers up to some octet; then the client leaves, and the backend goes on.
TEST_P(ClientFaults, WhileItReadsTheAnswer) {
  for (const Question& question : {kGet, kPost, kUpgrade}) {
    for (const Answer& answer : {kLength, kChunked}) {
      EXPECT_THAT(matrix_.leave_everywhere({question, answer}, kLeaving), IsEmpty());
    }
  }
}

}  // namespace
}  // namespace onehop
