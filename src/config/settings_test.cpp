// SPDX-License-Identifier: Apache-2.0
#include "config/settings.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using namespace std::chrono_literals;

const Setting* find(std::string_view name) {
  const auto found = std::ranges::find(settings(), name, &Setting::name);
  return found == settings().end() ? nullptr : &*found;
}

// Returns the configuration after one setting has received one value.
Configuration after(std::string_view name, const std::string& value) {
  Configuration configuration;
  const Setting* setting = find(name);
  EXPECT_NE(setting, nullptr) << name;
  if (!setting) return configuration;
  const Problem problem = setting->set(configuration, {value});
  EXPECT_FALSE(problem) << name << ": " << problem.value_or("");
  return configuration;
}

Server::Options server_after(std::string_view name, const std::string& value) {
  return after(name, value).server;
}
Transport::Options transport_after(std::string_view name, const std::string& value) {
  return after(name, value).transport;
}

// The structured bindings name every field, so that this test does not compile with a new field
// until the field has a setting or a reason to have none.
TEST(Settings, ReachEveryOptionOfTheServer) {
  [[maybe_unused]] const auto& [listen, workers, tls, header_timeout, body_timeout, write_timeout,
                                half_close, idle_timeout, max_request_line, max_header_bytes,
                                max_header_fields, http2, max_streams, stream_window,
                                connection_window, max_body, max_client_connections, trust,
                                proxy_protocol, proxy_protocol_listeners,
                                max_connections_per_client, max_requests_per_client, max_memory,
                                request_ids, trace_sample, defer_accept, stop_on_signals,
                                stop_timeout, open_sockets, ticket_keys, accept_at_once,
                                on_listening, on_exchange_end, on_tunnel, log] = Server::Options();
  EXPECT_EQ(after("listen", ":1").listen.front(), ":1");
  EXPECT_EQ(server_after("workers", "3").workers, 3u);
  EXPECT_EQ(server_after("header-timeout", "1s").header_timeout, 1s);
  EXPECT_EQ(server_after("body-timeout", "2s").body_timeout, 2s);
  EXPECT_EQ(server_after("write-timeout", "3s").write_timeout, 3s);
  EXPECT_EQ(server_after("half-close", "serve").half_close, HalfClose::serve);
  EXPECT_EQ(server_after("half-close", "cancel").half_close, HalfClose::cancel);
  EXPECT_EQ(server_after("idle-timeout", "4s").idle_timeout, 4s);
  EXPECT_EQ(server_after("max-request-line", "5KiB").max_request_line, 5u * 1024);
  EXPECT_EQ(server_after("max-header-bytes", "6KiB").max_header_bytes, 6u * 1024);
  EXPECT_EQ(server_after("max-header-fields", "7").max_header_fields, 7u);
  EXPECT_EQ(server_after("max-streams", "10").max_streams, 10u);
  EXPECT_EQ(server_after("stream-window", "11KiB").stream_window, 11u * 1024);
  EXPECT_EQ(server_after("connection-window", "112KiB").connection_window, 112u * 1024);
  EXPECT_EQ(server_after("max-body", "8KiB").max_body, 8u * 1024);
  EXPECT_EQ(server_after("max-client-connections", "9").max_client_connections, 9u);
  EXPECT_EQ(server_after("trust", "10.0.0.0/8").trust.front(), "10.0.0.0/8");
  EXPECT_EQ(server_after("proxy-protocol", "10.0.0.0/8").proxy_protocol.front(), "10.0.0.0/8");
  EXPECT_EQ(server_after("proxy-protocol-listen", ":1").proxy_protocol_listeners.front(), ":1");
  EXPECT_EQ(server_after("max-connections-per-client", "13").max_connections_per_client, 13u);
  EXPECT_EQ(server_after("max-connections-per-client", "off").max_connections_per_client, no_limit);
  EXPECT_EQ(server_after("max-requests-per-client", "14").max_requests_per_client, 14u);
  EXPECT_EQ(server_after("max-requests-per-client", "off").max_requests_per_client, no_limit);
  EXPECT_EQ(server_after("max-memory", "15MiB").max_memory, 15u * 1024 * 1024);
  EXPECT_EQ(server_after("max-memory", "auto").max_memory, 0u);
  EXPECT_EQ(server_after("max-memory", "off").max_memory, no_limit);
  EXPECT_TRUE(server_after("request-id", "on").request_ids);
  EXPECT_EQ(after("user", "nobody").user->user, 65534u);
  EXPECT_FALSE(server_after("http2", "off").http2);
  EXPECT_FALSE(server_after("defer-accept", "off").defer_accept);
  EXPECT_TRUE(server_after("defer-accept", "on").defer_accept);
}

TEST(Settings, ReachEveryOptionOfTheTransport) {
  [[maybe_unused]] const auto& [tls, connect_attempt_timeout, connect_timeout, http2,
                                response_timeout, activity_timeout, pool_idle_timeout, pool_size,
                                max_connection_age, max_connection_requests, max_connections,
                                queue_timeout, replay_body, retry_budget, expect_continue_timeout,
                                max_response_header_bytes, max_response_header_fields,
                                max_informational, hold, send_proxy, dialer, dns_servers] =
      Transport::Options();
  EXPECT_EQ(transport_after("connect-attempt-timeout", "1s").connect_attempt_timeout, 1s);
  EXPECT_EQ(transport_after("connect-timeout", "2s").connect_timeout, 2s);
  EXPECT_FALSE(transport_after("backend-http2", "off").http2);
  EXPECT_EQ(transport_after("response-timeout", "3s").response_timeout, 3s);
  EXPECT_EQ(transport_after("activity-timeout", "4s").activity_timeout, 4s);
  EXPECT_EQ(transport_after("pool-idle-timeout", "5s").pool_idle_timeout, 5s);
  EXPECT_EQ(transport_after("pool-size", "6").pool_size, 6u);
  EXPECT_EQ(transport_after("max-connection-age", "16s").max_connection_age, 16s);
  EXPECT_EQ(transport_after("max-connection-age", "off").max_connection_age, no_limit);
  EXPECT_EQ(transport_after("max-connection-requests", "17").max_connection_requests, 17u);
  EXPECT_EQ(transport_after("max-connections", "7").max_connections, 7u);
  EXPECT_EQ(transport_after("queue-timeout", "8s").queue_timeout, 8s);
  EXPECT_EQ(transport_after("replay-body", "9KiB").replay_body, 9u * 1024);
  EXPECT_DOUBLE_EQ(transport_after("retry-budget", "10%").retry_budget, 0.1);
  EXPECT_EQ(transport_after("expect-continue-timeout", "11s").expect_continue_timeout, 11s);
  EXPECT_EQ(transport_after("expect-continue-timeout", "off").expect_continue_timeout, 0s);
  EXPECT_EQ(transport_after("max-response-header-bytes", "12KiB").max_response_header_bytes,
            12u * 1024);
  EXPECT_EQ(transport_after("max-response-header-fields", "13").max_response_header_fields, 13u);
  EXPECT_EQ(transport_after("max-informational", "14").max_informational, 14u);
  EXPECT_EQ(transport_after("hold", "15s").hold, 15s);
  EXPECT_EQ(transport_after("dns-servers", "127.0.0.1:53").dns_servers,
            std::vector<std::string>{"127.0.0.1:53"});
  EXPECT_TRUE(transport_after("send-proxy", "on").send_proxy);
}

// apply_client_side_tls() and apply_backend_tls() convert the flags to these options.
TEST(Settings, ReachEveryOptionOfTls) {
  [[maybe_unused]] const auto& [certificates, source, self_signed, client_ca_file, client_auth,
                                ticket_key_file, handshake_timeout, watch_files] =
      TlsServerOptions();
  [[maybe_unused]] const auto& [ca_file, insecure, certificate, server_name,
                                ignore_missing_close_notify] = TlsClientOptions();
  EXPECT_EQ(after("acme", "ops@example.org").acme.email, "ops@example.org");  // for `source`
  EXPECT_EQ(after("tls", "a.pem").tls.certificates.front(), "a.pem");
  EXPECT_EQ(after("tls-key", "a.key").tls.keys.front(), "a.key");
  EXPECT_EQ(after("tls-client-ca", "ca.pem").tls.client_ca, "ca.pem");
  EXPECT_EQ(after("tls-client-auth", "optional").tls.client_auth, ClientAuth::optional);
  EXPECT_EQ(after("tls-ticket-keys", "t.keys").tls.ticket_keys, "t.keys");
  EXPECT_EQ(after("tls-handshake-timeout", "3s").tls.handshake_timeout, 3s);
  EXPECT_EQ(after("backend-ca", "b.pem").tls.backend_ca, "b.pem");
  EXPECT_EQ(after("backend-cert", "c.pem").tls.backend_certificate, "c.pem");
  EXPECT_EQ(after("backend-key", "c.key").tls.backend_key, "c.key");
  EXPECT_EQ(after("backend-name", "api.test").tls.backend_name, "api.test");
  EXPECT_TRUE(after("insecure", "on").tls.insecure);
  EXPECT_TRUE(after("ignore-missing-close-notify", "on").tls.ignore_missing_close_notify);
}

TEST(Settings, RejectValuesOfTheWrongKind) {
  const std::pair<const char*, const char*> cases[] = {
      {"defer-accept", "maybe"},
      {"defer-accept", ""},
      {"max-informational", "-1"},
      {"max-informational", "many"},
      {"expect-continue-timeout", "1"},
      {"hold", "0s"},
      {"half-close", "on"},
      {"header-timeout", "0s"},
      {"max-header-bytes", "64"},
      {"max-header-bytes", "0B"},
      {"max-header-fields", "0"},
      {"max-request-line", "0B"},
      {"max-streams", "0"},
      {"max-response-header-bytes", "0B"},
      {"max-response-header-fields", "0"},
      {"retry-budget", "200"},
      {"access-log", "xml"},
      {"allow-field", "X-Forwarded-For"},
      {"allow-field", "X-Unknown"},
      {"allow-upgrade", "a b"},
      {"allow-upgrade", "x/"},
      {"tls-client-auth", "sometimes"},
      {"tls", ""},
      {"user", "nobody-of-that-name"},
      {"max-connections-per-client", "-1"},
      {"max-memory", "64"},
      {"max-memory", "0B"},
  };
  for (const auto& [name, value] : cases) {
    Configuration configuration;
    EXPECT_TRUE(find(name)->set(configuration, {value})) << name << " took '" << value << "'";
  }
}

std::string refusal(std::string_view name, const std::string& value) {
  Configuration configuration;
  const Problem problem = find(name)->set(configuration, {value});
  return problem.value_or("accepted");
}

// Each number has a maximum, and no accepted number equals a value that the library gives a special
// meaning.
TEST(Settings, HaveBoundsForEachNumber) {
  int numbers = 0;
  for (const Setting& setting : settings()) {
    const bool is_time = setting.placeholder == "TIME";
    const bool is_size = setting.placeholder == "SIZE";
    if (!is_time && !is_size && setting.placeholder != "N") continue;
    ++numbers;
    const std::string huge = is_time ? "2000000h" : is_size ? "8000000000GiB" : "8000000000";
    EXPECT_NE(refusal(setting.name, huge).find("the maximum is "), std::string::npos)
        << setting.name;
    const std::string zero = is_time ? "0s" : is_size ? "0B" : "0";
    Configuration configuration;
    if (!setting.set(configuration, {zero})) {
      EXPECT_EQ(setting.show(configuration), zero) << setting.name;
    }
  }
  EXPECT_GT(numbers, 30);
}

// A reload compares the written values, so two different values must not have the same text.
TEST(Settings, WriteOddNumbersExactly) {
  const std::map<Content, std::vector<std::string>> odd = {
      {Content::time, {"1.0001s", "1.0002s", "1234.567891ms", "0.33333h", "99.999999m"}},
      {Content::size, {"65537B", "65538B", "1.00001MiB", "1234567B", "1.1MB"}},
      {Content::share, {"0.1%", "0.4%", "33.333%", "99.99%", "7%", "28.999999999999996%"}}};
  int count = 0;
  for (const Setting& setting : settings()) {
    const auto values = odd.find(setting.content);
    if (values == odd.end()) continue;
    std::vector<std::vector<std::string>> written;
    for (const std::string& value : values->second) {
      Configuration configuration;
      if (setting.set(configuration, {value})) continue;  // outside its bounds
      written.push_back(setting.values(configuration));
      Configuration again;
      ASSERT_FALSE(setting.set(again, written.back())) << setting.name << " " << value;
      EXPECT_EQ(setting.values(again), written.back()) << setting.name << " " << value;
      ++count;
    }
    std::ranges::sort(written);
    EXPECT_EQ(std::ranges::adjacent_find(written), written.end()) << setting.name;
  }
  EXPECT_GT(count, 100);
}

TEST(Settings, SuggestAlternativesToANumberOutOfRange) {
  EXPECT_EQ(refusal("workers", "100000"), "'100000' is too large: the maximum is 1024");
  EXPECT_EQ(refusal("workers", "0"), "'0' is too small; did you mean auto?");
  EXPECT_EQ(refusal("max-connections", "0"), "'0' is too small; did you mean off?");
  EXPECT_EQ(refusal("max-memory", "0"), "'0' is too small; did you mean auto or off?");
  EXPECT_EQ(refusal("max-memory", "1KiB"), "'1KiB' is too small: the minimum is 1MiB");
  EXPECT_EQ(refusal("hold", "0"), "'0' is too small; did you mean off?");
  EXPECT_EQ(refusal("connect-timeout", "0"), "'0' is too small: the minimum is 1ms");
  EXPECT_EQ(refusal("connect-timeout", "0s"), "'0s' is too small: the minimum is 1ms");
  EXPECT_EQ(refusal("connect-timeout", "90"), "'90' has no unit; did you mean 90s?");
  EXPECT_EQ(refusal("connect-timeout", "1h30m"),
            "'1h30m' is not a number and a unit of time; did you mean 90m?");
  EXPECT_EQ(refusal("max-body", "0"), "'0' has no unit; did you mean off, or 0B?");
  EXPECT_EQ(refusal("max-body", "10M"),
            "'10M' is not a number and a unit of size; did you mean 10MiB?");
  EXPECT_EQ(refusal("connection-window", "1KiB"), "'1KiB' is too small: the minimum is 65535B");
  EXPECT_EQ(refusal("pool-size", "0"), "accepted");
}

TEST(Settings, CheckAHostSetAsAField) {
  for (const char* const edit : {"Host: a.test", "host: a.test:80", "-Host", "Host: {host}"})
    EXPECT_EQ(refusal("header-up", edit), "accepted") << edit;
  EXPECT_NE(refusal("header-up", "Host: a b").find("has no blanks"), std::string::npos);
  for (const char* const edit : {"Host: a,b", "Host: http://a", "Host: /a", "Host:"})
    EXPECT_NE(refusal("header-up", edit), "accepted") << edit;
}

TEST(Settings, CheckTheForwardedHost) {
  for (const char* const host : {"keep", "backend", "a.test", "a.test:8080", "[::1]", "[::1]:80",
                                 "app", "a_b", "backend:80"}) {
    EXPECT_EQ(refusal("host-header", host), "accepted") << host;
  }
  EXPECT_EQ(after("host-header",
                  "b\xc3\xbc"
                  "cher.test")
                .host_header,
            "xn--bcher-kva.test");
  EXPECT_EQ(refusal("host-header", "a b"), "a host name has no blanks\n    a b\n     ^");
  EXPECT_EQ(refusal("host-header", "bakend"),
            "'bakend' looks like a misspelling; did you mean backend? If it is a name: "
            "--header-up 'Host: bakend'");
  EXPECT_EQ(refusal("host-header", "https://a.test/x"),
            "a Host has no scheme; did you mean a.test?\n    https://a.test/x\n    ^^^^^^^^");
  for (const char* const host :
       {"", "a/b", "a@b", "a:b", "a:99999", ":80", "::1", "[::1", "a,b", "a..b", ".a", ".", ".."})
    EXPECT_NE(refusal("host-header", host), "accepted") << host;
}

TEST(Settings, CheckTheNameInTheCertificateOfABackend) {
  for (const char* const name : {"a.test", "10.0.0.1", "*.a.test"})
    EXPECT_EQ(refusal("backend-name", name), "accepted") << name;
  EXPECT_EQ(
      refusal("backend-name", "a.test:443"),
      "a name in a certificate has no port; did you mean a.test?\n    a.test:443\n          ^^^^");
  for (const char* const name : {"", "a b", "https://a.test"})
    EXPECT_NE(refusal("backend-name", name), "accepted") << name;
}

// The flag accepts the default that the help shows, and that value changes nothing.
TEST(Settings, AcceptTheDefaultsTheyShow) {
  const Configuration defaults;
  for (const Setting& setting : settings()) {
    const std::string shown = setting.show(defaults);
    if (shown.empty()) continue;
    Configuration configuration;
    const Problem problem = setting.set(configuration, {shown});
    EXPECT_FALSE(problem) << setting.name << ": " << problem.value_or("");
    EXPECT_EQ(setting.show(configuration), shown) << setting.name;
  }
}

// print_configuration() writes these texts into a file.
TEST(Settings, RoundTripTheirDefaults) {
  const Configuration defaults;
  for (const Setting& setting : settings()) {
    const std::vector<std::string> written = setting.values(defaults);
    if (written.empty()) continue;
    Configuration configuration;
    const Problem problem = setting.set(configuration, written);
    EXPECT_FALSE(problem) << setting.name << ": " << problem.value_or("");
    EXPECT_EQ(setting.values(configuration), written) << setting.name;
  }
  const std::pair<const char*, const char*> cases[] = {
      {"backend", "http://a.test:8000/x"},
      {"backend", "http://a.test:8000/x weight=2.5 backup"},
      {"backend", "srv://_http._tcp.a.test"},
      {"header-up", "X-A: {client}, 1"},
      {"header-down", "-Server"},
      {"insecure", "on"},
      {"user", "nobody"},
      {"tls-client-auth", "optional"},
      {"request-id", "off"},
      {"listen", "https://:443"},
  };
  for (const auto& [name, value] : cases)
    EXPECT_EQ(find(name)->values(after(name, value)), std::vector<std::string>{value}) << name;
}

TEST(Settings, HaveATypeInAFile) {
  EXPECT_EQ(find("workers")->type, ValueType::number);
  EXPECT_EQ(find("insecure")->type, ValueType::boolean);
  EXPECT_EQ(find("http2")->type, ValueType::boolean);
  EXPECT_EQ(find("max-body")->type, ValueType::text);
  for (const Setting& setting : settings()) {
    if (setting.is_switch()) {
      EXPECT_EQ(setting.type, ValueType::boolean) << setting.name;
    }
    if (setting.placeholder == "N") {
      EXPECT_EQ(setting.type, ValueType::number) << setting.name;
    }
  }
}

TEST(Settings, HaveUniqueNames) {
  std::map<std::string_view, int> uses;
  for (const Setting& setting : settings())
    EXPECT_EQ(++uses[setting.name], 1) << setting.name;
}

TEST(Settings, HaveMatchingEnvironmentVariables) {
  EXPECT_EQ(flag_of(*find("max-informational")), "--max-informational");
  EXPECT_EQ(environment_of(*find("max-informational")), "ONEHOP_MAX_INFORMATIONAL");
}

}  // namespace
}  // namespace onehop::config
