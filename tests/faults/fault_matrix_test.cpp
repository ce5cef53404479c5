// SPDX-License-Identifier: Apache-2.0
//
// The backend fails at every byte of its response, and the client fails at every byte of its
// request or of the response: in every way, for every kind of request, between any two HTTP
// versions. FaultMatrix judges the outcomes.
#include "support/fault_matrix.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::Answer;
using test::FaultMatrix;
using test::Protocol;
using test::Protocols;
using test::Question;
using test::Way;
using ::testing::IsEmpty;

using Case = FaultMatrix::Case;
using Kind = Question::Kind;
using Framing = Answer::Framing;

constexpr Question kGet{"GET"};
constexpr Question kHead{"HEAD", "HEAD"};
constexpr Question kPost{"POST", "POST", 12};
constexpr Question kLargePost{"large POST", "POST", 150'000};
constexpr Question kChunkedPost{"chunked POST", "POST", 40, Kind::chunked};
constexpr Question kExpectingPost{"expecting POST", "POST", 12, Kind::expects};
constexpr Question kUpgrade{"upgrade", "GET", 0, Kind::upgrades};

constexpr Answer kLength{"length", Framing::length};
constexpr Answer kChunked{"chunked", Framing::chunked};
constexpr Answer kHints{"hints", Framing::chunked, true};
constexpr Answer kUntilClose{"until close", Framing::until_close};
constexpr Answer kNothing{"nothing", Framing::nothing};

const std::vector<Way> kEnds = {Way::close, Way::half_close, Way::reset};
const std::vector<Way> kAll = {Way::close, Way::half_close, Way::reset,
                               Way::stall, Way::delay,      Way::garble};

// Runs each test for each pair of versions.
class FaultMatrixTest : public ::testing::TestWithParam<Protocols> {
 protected:
  static void expect_none(const std::vector<std::string>& problems) {
    EXPECT_THAT(problems, IsEmpty());
  }

  FaultMatrix matrix_{GetParam()};
};

const auto kPairs = ::testing::Values(Protocols{Protocol::h1, Protocol::h1},
                                      Protocols{Protocol::h1, Protocol::h2},
                                      Protocols{Protocol::h2, Protocol::h1},
                                      Protocols{Protocol::h2, Protocol::h2});

std::string name_of(const ::testing::TestParamInfo<Protocols>& info) {
  const auto name = [](Protocol each) { return each == Protocol::h1 ? "Http1" : "Http2"; };
  return std::string(name(info.param.client)) + "To" + name(info.param.backend);
}

// --- of the backend ----------------------------------------------------------------------------

class BackendFaults : public FaultMatrixTest {
 protected:
  void fail_everywhere(const Question& question,
                       const Answer& answer,
                       const std::vector<Way>& ways,
                       bool used = false) {
    Case wanted{question, answer};
    wanted.on_used_connection = used;
    expect_none(matrix_.run_everywhere(wanted, &Case::backend, ways));
  }
};

INSTANTIATE_TEST_SUITE_P(All, BackendFaults, kPairs, &name_of);

TEST_P(BackendFaults, InTheResponseToAGet) {
  fail_everywhere(kGet, kLength, kAll);
  fail_everywhere(kGet, kChunked, kAll);
  const std::size_t some = matrix_.cases() / 20;
  EXPECT_GT(matrix_.whole(), some);
  EXPECT_GT(matrix_.failures(), some);
  EXPECT_GT(matrix_.broken(), some);
}

TEST_P(BackendFaults, AfterAnInformationalResponse) {
  fail_everywhere(kGet, kHints, kAll);
}

TEST_P(BackendFaults, InAResponseWithoutContent) {
  fail_everywhere(kGet, kNothing, kAll);
  fail_everywhere(kHead, kLength, kAll);
  fail_everywhere(kHead, kChunked, kEnds);
}

TEST_P(BackendFaults, InACloseDelimitedResponse) {
  fail_everywhere(kGet, kUntilClose, {Way::close, Way::half_close, Way::reset, Way::stall});
}

TEST_P(BackendFaults, InTheResponseToAPost) {
  fail_everywhere(kPost, kLength, kAll);
  fail_everywhere(kChunkedPost, kChunked, kAll);
}

TEST_P(BackendFaults, InTheResponseToALargePost) {
  fail_everywhere(kLargePost, kLength, kEnds);
}

TEST_P(BackendFaults, WithExpectContinue) {
  fail_everywhere(kExpectingPost, kLength, kAll);
}

TEST_P(BackendFaults, OnAReusedConnection) {
  fail_everywhere(kGet, kLength, kAll, true);
  fail_everywhere(kPost, kLength, kAll, true);
  fail_everywhere(kChunkedPost, kChunked, kEnds, true);
}

TEST_P(BackendFaults, InATunnel) {
  fail_everywhere(kUpgrade, kLength, {Way::close, Way::half_close, Way::reset, Way::delay});
}

// Fails before, inside and after SETTINGS.
TEST_P(BackendFaults, FromTheStartOfItsConnection) {
  for (const Question& question : {kGet, kPost}) {
    Case wanted{question, kLength};
    wanted.from_connect = true;
    expect_none(matrix_.run_everywhere(
        wanted, &Case::backend, {Way::close, Way::half_close, Way::reset, Way::stall, Way::delay}));
  }
}

TEST_P(BackendFaults, WhenTheBackendStopsListening) {
  for (const bool used : {false, true}) {
    fail_everywhere(kGet, kLength, {Way::refuse}, used);
    fail_everywhere(kPost, kLength, {Way::refuse}, used);
    fail_everywhere(kChunkedPost, kChunked, {Way::refuse}, used);
  }
  fail_everywhere(kExpectingPost, kLength, {Way::refuse});
  fail_everywhere(kUpgrade, kLength, {Way::refuse});
}

TEST_P(BackendFaults, WhenTheBackendIsNotListening) {
  for (const Question& question :
       {kGet, kHead, kPost, kLargePost, kChunkedPost, kExpectingPost, kUpgrade}) {
    Case wanted{question, kLength};
    wanted.refuses = true;
    EXPECT_EQ(matrix_.run(wanted), "");
    EXPECT_EQ(matrix_.failures(), matrix_.cases());
  }
}

// The backend responds before the request is complete.
TEST_P(BackendFaults, InAnEarlyResponse) {
  for (const Question& question : {kLargePost, kExpectingPost}) {
    Case wanted{question, kLength};
    wanted.early = true;
    expect_none(matrix_.run_everywhere(wanted, &Case::backend, kEnds));
  }
}

// An unsolicited response reaches no client.
TEST_P(BackendFaults, ExtraDataAfterAResponse) {
  const std::string forged = "HTTP/1.1 200 OK\r\nX-Id: forged\r\nContent-Length: 0\r\n\r\n";
  const std::string late = h2_frames::frame(h2_frames::data, h2_frames::kEndStream, 1, "forged");
  const bool to_h1 = GetParam().backend == Protocol::h1;
  const auto surpluses = to_h1 ? std::vector<std::string>{"x", "\r\n", forged}
                               : std::vector<std::string>{"x", late, late + late};
  for (const std::string& surplus : surpluses) {
    for (const Answer& answer : {kLength, kChunked, kNothing}) {
      Case wanted{kGet, answer};
      wanted.surplus = surplus;
      EXPECT_EQ(matrix_.run(wanted), "");
      EXPECT_EQ(matrix_.whole(), matrix_.cases());
    }
  }
}

// --- of the client -----------------------------------------------------------------------------

class ClientFaults : public FaultMatrixTest {
 protected:
  void fail_everywhere(const Question& question, const std::vector<Way>& ways, bool used = false) {
    Case wanted{question, kLength};
    wanted.on_used_connection = used;
    expect_none(matrix_.run_everywhere(wanted, &Case::client, ways));
  }
};

INSTANTIATE_TEST_SUITE_P(All, ClientFaults, kPairs, &name_of);

TEST_P(ClientFaults, InAGet) {
  fail_everywhere(kGet, kAll);
}

TEST_P(ClientFaults, InAPost) {
  fail_everywhere(kPost, kAll);
}

TEST_P(ClientFaults, InAChunkedPost) {
  fail_everywhere(kChunkedPost, kAll);
}

TEST_P(ClientFaults, InAPostWithExpectContinue) {
  fail_everywhere(kExpectingPost, kAll);
}

TEST_P(ClientFaults, InAnUpgrade) {
  fail_everywhere(kUpgrade, {Way::close, Way::reset, Way::stall, Way::delay});
}

TEST_P(ClientFaults, OnAReusedConnection) {
  fail_everywhere(kPost, kAll, true);
}

// The backend sends part of its response, the client leaves, and the backend continues.
TEST_P(ClientFaults, WhileReadingTheResponse) {
  for (const Question& question : {kGet, kPost, kUpgrade}) {
    for (const Answer& answer : {kLength, kChunked}) {
      expect_none(matrix_.leave_everywhere({question, answer}, kEnds));
    }
  }
}

}  // namespace
}  // namespace onehop
