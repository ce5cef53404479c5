// SPDX-License-Identifier: Apache-2.0
#include "observe/server_families.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Regression: the library wrote the invalid byte, and Prometheus refused the whole scrape.
TEST(CertificateFamilies, ANameThatIsNotUtf8IsReplaced) {
  MetricFamilies families;
  TlsCertificateInfo one;
  one.names = {"caf\xe9.example"};
  one.sha256 = "AB";
  add_certificate_families(families, {one, one});
  const std::string text = families.text();
  EXPECT_THAT(text, HasSubstr("{name=\"caf\xef\xbf\xbd.example\",sha256=\"AB\"} "));
  EXPECT_EQ(text.find("sha256"), text.rfind("sha256")) << "two listeners share it: " << text;
}

TEST(ServerFamilies, ATunnelIsNotARequestInFlight) {
  ServerMetrics metrics;
  metrics.requests = 5;
  metrics.tunnels = {
      .open = 3, .opened_total = 9, .bytes_from_clients_total = 100, .bytes_to_clients_total = 50};
  metrics.websockets = {
      .open = 2, .opened_total = 7, .bytes_from_clients_total = 60, .bytes_to_clients_total = 50};
  MetricFamilies families;
  add_server_families(families, metrics, {},
                      {{.name = "default"}, {.name = "/api/*", .in_flight = 1}});
  const std::string text = families.text();
  for (const char* const line :
       {R"(onehop_requests_in_flight{route="default"} 1)",
        R"(onehop_requests_in_flight{route="/api/*"} 1)",
        R"(onehop_tunnels_open{protocol="websocket"} 2)",
        R"(onehop_tunnels_open{protocol="other"} 1)",
        R"(onehop_tunnels_total{protocol="websocket"} 7)",
        R"(onehop_tunnel_bytes_total{protocol="other",direction="from_client"} 40)",
        R"(onehop_tunnel_bytes_total{protocol="other",direction="to_client"} 0)"})
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
}

TEST(ServerFamilies, CoverBothSidesOfTlsAndHttp2) {
  Transport::Statistics transport;
  transport.tls = {.tls1_2 = 1, .tls1_3 = 5, .tls1_3_resumed = 2, .failed = 3, .duration = {}};
  transport.tls.duration.counts[0] = 6;
  transport.http2 = {.streams = 4, .streams_total = 40, .goaways = 6};
  MetricFamilies families;
  add_server_families(families, {}, transport, {});
  const std::string text = families.text();
  for (
      const char* const line :
      {R"(onehop_tls_handshakes_total{side="upstream",version="TLSv1.3",resumed="no",result="ok"} 3)",
       R"(onehop_tls_handshakes_total{side="upstream",version="TLSv1.3",resumed="yes",result="ok"} 2)",
       R"(onehop_tls_handshakes_total{side="upstream",version="none",resumed="no",result="failed"} 3)",
       R"(onehop_tls_handshake_duration_seconds_count{side="client"} 0)",
       R"(onehop_tls_handshake_duration_seconds_count{side="upstream"} 6)",
       R"(onehop_http2_streams_open{side="upstream"} 4)",
       R"(onehop_http2_streams_total{side="upstream"} 40)",
       R"(onehop_http2_goaway_total{side="upstream"} 6)"})
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
}

TEST(TransportFamilies, IncludeRetryReasonsAndQueueTimes) {
  Transport::Statistics transport;
  transport.retried = 6;
  transport.retried_unsent = 1;
  transport.retried_refused = 2;
  transport.retried_uncertain = 3;
  transport.dials_failed = 4;
  transport.waits.counts[3] = 5;
  MetricFamilies families;
  add_transport_families(families, {{"default", transport}, {"api", {}}});
  const std::string text = families.text();
  for (const char* const line :
       {R"(onehop_upstream_retries_total{upstream="default",reason="unsent"} 1)",
        R"(onehop_upstream_retries_total{upstream="default",reason="refused"} 2)",
        R"(onehop_upstream_retries_total{upstream="default",reason="uncertain"} 3)",
        R"(onehop_upstream_dials_failed_total{upstream="default"} 4)",
        R"(onehop_upstream_queue_seconds_count{upstream="default"} 5)"})
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
}

}  // namespace
}  // namespace onehop::observe
