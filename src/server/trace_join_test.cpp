// SPDX-License-Identifier: Apache-2.0
//
// Server::Options::trace_sample: the traceparent and tracestate that the handler sees.
#include <onehop/trace.hpp>

#include "http/trace_context.hpp"
#include "server/h1_exchange.hpp"
#include "support/served.hpp"
#include "support/vocabulary.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace onehop::server {
namespace {

using namespace test::vocabulary;

constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view kFields =
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
    "tracestate: a=1\r\ntracestate: b=2\r\n";

struct Seen {
  std::string parent, states, trace_id, span_id, parent_id, state;
  bool has_trace = false, sampled = false;
};

class TraceJoin : public test::Served {
 protected:
  Wire connect_to_witness(Server::Options options) {
    return connect(
        [this](const Request& in) {
          seen_ = {};
          for (const std::string_view value : in.headers().get_all("traceparent"))
            seen_.parent.append(value);
          for (const std::string_view value : in.headers().get_all("tracestate"))
            seen_.states.append("<").append(value).append(">");
          if (const Trace* const trace = in.record()->trace) {
            seen_.has_trace = true;
            seen_.trace_id = trace->trace_id;
            seen_.span_id = trace->span_id;
            seen_.parent_id = trace->parent_id;
            seen_.state = trace->state;
            seen_.sampled = trace->sampled;
          }
          return Response(Status::ok, "");
        },
        std::move(options));
  }
  Seen after(Server::Options options, std::string_view lines) {
    Wire client = connect_to_witness(std::move(options));
    client.send("GET / HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n");
    client.receive();
    return seen_;
  }

  const std::vector<std::string> everybody_ = {"0.0.0.0/0", "::/0", "unix"};
  Seen seen_;
};

TEST_F(TraceJoin, LeavesTheFieldsUnchangedWithoutASampleRate) {
  const Seen seen = after({.trust = everybody_}, kFields);
  EXPECT_FALSE(seen.has_trace);
  EXPECT_EQ(seen.parent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(seen.states, "<a=1><b=2>");
}

TEST_F(TraceJoin, ATraceOfATrustedPeerIsContinued) {
  const Seen seen = after({.trust = everybody_, .trace_sample = 0.0}, kFields);
  EXPECT_EQ(seen.trace_id, kTrace);
  EXPECT_EQ(seen.parent_id, "00f067aa0ba902b7");
  EXPECT_EQ(seen.state, "a=1,b=2");
  EXPECT_TRUE(seen.sampled);
  EXPECT_EQ(seen.parent, "00-" + std::string(kTrace) + "-" + seen.span_id + "-01");
  EXPECT_EQ(seen.states, "<a=1><b=2>");
  EXPECT_EQ(exchanges_.last().trace_id, kTrace);
}

TEST_F(TraceJoin, StartsANewTraceForAnUntrustedPeer) {
  const Seen seen = after({.trace_sample = 0.0}, kFields);
  EXPECT_NE(seen.trace_id, kTrace);
  EXPECT_EQ(seen.parent_id, "");
  EXPECT_FALSE(seen.sampled);
  EXPECT_EQ(seen.states, "");
  const auto parent = parse_traceparent(seen.parent);
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->trace_id, seen.trace_id);
  EXPECT_EQ(parent->parent_id, seen.span_id);
  EXPECT_EQ(exchanges_.last().trace_id, seen.trace_id);
}

TEST_F(TraceJoin, AMalformedTraceparentStartsANewTraceWithoutState) {
  const Seen seen = after({.trust = everybody_, .trace_sample = 1.0},
                          "traceparent: 00-zz\r\ntracestate: a=1\r\n");
  EXPECT_EQ(seen.states, "");
  EXPECT_TRUE(seen.sampled);
  EXPECT_TRUE(parse_traceparent(seen.parent));
}

TEST_F(TraceJoin, DropsOnlyAMalformedTracestate) {
  const Seen seen =
      after({.trust = everybody_, .trace_sample = 0.0}, std::string(kFields) + "tracestate: X\r\n");
  EXPECT_EQ(seen.trace_id, kTrace);
  EXPECT_EQ(seen.states, "");
  EXPECT_EQ(seen.state, "");
}

TEST_F(TraceJoin, SamplesTheOthersAtRandom) {
  Wire client = connect_to_witness({.trace_sample = 0.5});
  int sampled = 0;
  for (int i = 0; i < 400; ++i) {
    client.send(kGet);
    client.receive();
    sampled += seen_.sampled ? 1 : 0;
  }
  EXPECT_GT(sampled, 100);
  EXPECT_LT(sampled, 300);
}

}  // namespace
}  // namespace onehop::server
