// SPDX-License-Identifier: Apache-2.0
#include "config/settings.hpp"

#include "config/acme_settings.hpp"
#include "config/admin_settings.hpp"
#include "config/log_settings.hpp"
#include "config/quantity_settings.hpp"
#include "config/setting_binding.hpp"
#include "config/setting_kinds.hpp"
#include "config/upstream_kinds.hpp"
#include "upstream/group.hpp"

#include <array>
#include <cctype>

namespace onehop::config {
namespace {

using enum Scope;
using enum When;

template <class Kind, auto... kPath>
constexpr Setting everyday(std::string_view name, const Traits& traits, std::string_view help) {
  return setting<Kind, kPath...>(SettingGroup::everyday, name, traits, help);
}

template <class Kind, auto... kPath>
constexpr Setting operation(std::string_view name, const Traits& traits, std::string_view help) {
  return setting<Kind, kPath...>(SettingGroup::operation, name, traits, help);
}

template <class Kind, auto kMember>
constexpr Setting client(std::string_view name, const Traits& traits, std::string_view help) {
  return setting<Kind, &Configuration::server, kMember>(SettingGroup::client_side, name, traits,
                                                        help);
}

template <class Kind, auto kMember>
constexpr Setting client_tls(std::string_view name, std::string_view help) {
  return setting<Kind, &Configuration::tls, kMember>(SettingGroup::client_side, name,
                                                     {listener, next_connection}, help);
}

template <class Kind, auto kMember>
constexpr Setting backend(std::string_view name, std::string_view help, When when = pool_swap) {
  return setting<Kind, &Configuration::transport, kMember>(SettingGroup::backend_side, name,
                                                           {upstream, when}, help);
}

template <class Kind, auto kMember>
constexpr Setting backend_tls(std::string_view name, std::string_view help) {
  return setting<Kind, &Configuration::tls, kMember>(SettingGroup::backend_side, name,
                                                     {upstream, pool_swap}, help);
}

template <class Kind, auto kMember>
constexpr Setting balancing(std::string_view name, std::string_view help) {
  return setting<Kind, &Configuration::upstream, kMember>(SettingGroup::backend_side, name,
                                                          {upstream, next_request}, help);
}

// Stores the first backend in Configuration::backend as well, since most of the program needs only
// that.
constexpr Setting backend_row() {
  Setting row = everyday<BackendUrl, &Configuration::backends>(
      kBackendSetting, {upstream, next_request},
      "where requests go, as BACKEND: URL [weight=N] [backup]");
  row.set = [](Configuration& configuration, const std::vector<std::string>& values) -> Problem {
    using Field = Stored<BackendUrl, &Configuration::backends>;
    if (Problem problem = Field::set(configuration, values)) return problem;
    const auto& backends = configuration.backends;
    configuration.backend = backends.empty() ? Url() : backends.front().url;
    return std::nullopt;
  };
  row.values = [](const Configuration& configuration) -> std::vector<std::string> {
    if (configuration.backends.empty() && configuration.backend.is_absolute())
      return {configuration.backend.to_string()};
    return Stored<BackendUrl, &Configuration::backends>::values(configuration);
  };
  return row;
}

// The library's no_limit, as a number of nanoseconds and as a count.
constexpr auto kNever =
    static_cast<std::uint64_t>(Limit<Server::Duration>(onehop::no_limit).value().count());
constexpr std::uint64_t kUnlimited = Limit<std::uint64_t>(onehop::no_limit);
constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::uint64_t kExbibyte = kGiB * kGiB;

using S = Server::Options;
using T = Transport::Options;
using C = Configuration;
using F = TlsFlags;
using U = UpstreamSettings;
using A = AdminSettings;
using M = AcmeSettings;

constexpr std::array kSettings = {
    backend_row(),
    everyday<ListenAddress, &C::listen>("listen",
                                        {.scope = listener, .when = new_listener, .letter = 'l'},
                                        "where: :8080, https://:443, redirect://:80, unix:PATH"),
    everyday<CertificateFile, &C::tls, &F::certificates>(
        "tls",
        {listener, next_connection},
        "serve https with this certificate chain (PEM), or self"),
    everyday<KeyFile, &C::tls, &F::keys>(
        "tls-key", {listener, next_connection}, "private key, if not in the certificate file"),
    everyday<AcmeEmail, &C::acme, &M::email>(
        "acme", {process, at_once}, "serve https with certificates that onehop gets itself"),
    everyday<CertificateName, &C::acme, &M::hosts>(
        "host", {process, at_once}, "names to get certificates for; default: of the routes"),
    everyday<Switch, &C::tls, &F::insecure>(
        "insecure", {upstream, pool_swap}, "do not verify the certificate of an https backend"),
    everyday<HostHeader, &C::host_header>(
        "host-header", {route, next_request}, "Host to send: the client's, the backend's, or NAME"),
    everyday<Switch, &C::map_back_host>(
        "map-back-host",
        {route, next_request},
        "undo host-header in redirects and in the domains of cookies"),
    everyday<FieldChange, &C::header_up>("header-up",
                                         {route, next_request},
                                         "'Name: value' sets a request field, '-Name' removes it"),
    everyday<FieldChange, &C::header_down>(
        "header-down", {route, next_request}, "the same for responses"),
    everyday<Network, &C::server, &S::trust>(
        "trust", {process, next_request}, "peers whose X-Forwarded-* count: 10.0.0.0/8, ::1, unix"),
    everyday<Switch, &C::server, &S::request_ids>(
        "request-id", {process, next_request}, "add an X-Request-ID; a trusted peer's is kept"),
    everyday<ForwardingFieldName, &C::allow_fields>(
        "allow-field",
        {process, next_request},
        "forward a client's X-Real-IP, or another such field"),
    everyday<UpgradeToken, &C::upgrades>(
        "allow-upgrade", {route, next_request}, "protocols that clients may upgrade to"),
    everyday<Number<or_off(sizes(0, kExbibyte), kUnlimited)>, &C::server, &S::max_body>(
        "max-body", {route, next_request}, "maximum request body; if exceeded: 413"),
    everyday<Number<or_auto(counts(1, Server::kMaxWorkers))>, &C::server, &S::workers>(
        "workers", {process, upgrade}, "threads; auto: one per CPU, within the CPU quota"),
    everyday<User, &C::user>(
        "user", {process, restart}, "user to run as once the listeners are open"),

    operation<ConfigFileName, &C::config_files>(
        "config", {arguments, restart}, "read settings from this file, or this folder's *.toml"),
    operation<Switch, &C::watch_config>(
        "watch-config", {process, at_once}, "reload when these files change, after 2 s of quiet"),
    operation<LogFormat, &C::access_log>(
        "access-log", {process, next_request}, "one line per request"),
    operation<LogPlace, &C::access_log_to>(
        "access-log-to", {process, next_request}, "where: stdout, a file, syslog or syslog:SOCKET"),
    operation<LogFieldName, &C::access_log_fields>("access-log-fields",
                                                   {process, next_request},
                                                   "fields of a line, instead of the default ones"),
    operation<CollectorUrl, &C::trace>(
        "trace", {process, upgrade}, "send spans to this OpenTelemetry collector (OTLP/HTTP)"),
    operation<SampleShare, &C::trace_sample>(
        "trace-sample", {process, next_request}, "share of the traces begun here that are sampled"),
    operation<Switch, &C::verbose>(
        "verbose", {.when = at_once, .letter = 'v'}, "log informational messages too"),
    operation<Switch, &C::core_dumps>(
        "core-dumps", {process, upgrade}, "allow core dumps, which contain private keys"),
    operation<AutoOrOff, &C::landlock>(
        "landlock", {process, restart}, "restrict it to its own files, if the kernel can"),
    operation<Duration<times(0)>, &C::drain_timeout>(
        "drain-timeout",
        {process, next_timer},
        "time for requests in progress after TERM, INT or QUIT"),
    operation<Duration<times(0)>, &C::drain_delay>(
        "drain-delay",
        {process, next_timer},
        "time before a drain in which only health checks fail"),
    operation<StateFolder, &C::acme, &M::state>(
        "state", {process, restart}, "folder for keys and certificates; default: the service's"),
    operation<AcmeAuthority, &C::acme, &M::authorities>(
        "acme-ca", {process, at_once}, "certificate authority; others are fallbacks"),
    operation<File, &C::acme, &M::ca_file>(
        "acme-ca-file", {process, at_once}, "CA certificates of a private authority's server"),
    operation<File, &C::acme, &M::external_file>(
        "acme-eab", {process, at_once}, "file with the ID and KEY of an external account"),
    operation<AcmeProfile, &C::acme, &M::profile>(
        "acme-profile", {process, at_once}, "profile of the certificates, such as shortlived"),
    operation<AcmeChallenge, &C::acme, &M::challenges>(
        "acme-challenge", {process, at_once}, "how names are proved: http-01, tls-alpn-01"),
    operation<AcmeKey, &C::acme, &M::key>(
        "acme-key", {process, at_once}, "type of the certificates' keys"),
    operation<AdminAddress, &C::admin, &A::address>(
        "admin", {process, upgrade}, "metrics and status for browsers and scrapers, read-only"),
    operation<AdminSocket, &C::admin, &A::socket>(
        "admin-socket", {process, upgrade}, "unix socket of the commands: onehop status, ..."),
    operation<File, &C::admin, &A::token_file>(
        "admin-token", {process, upgrade}, "file with the secret that --admin asks for"),
    operation<File, &C::admin, &A::client_ca>(
        "admin-client-ca",
        {process, upgrade},
        "CA of the client certificates that --admin asks for"),
    operation<AdminName, &C::admin, &A::names>(
        "admin-name", {process, upgrade}, "host names by which browsers reach --admin"),
    operation<HealthPath, &C::admin, &A::health_path>(
        "health-path",
        {process, next_request},
        "path that onehop answers: 200, or 503 while it drains"),
    operation<Switch, &C::admin, &A::ready_needs_upstream>(
        "ready-needs-upstream",
        {process, at_once},
        "readiness is 503 while an upstream accepts no connections"),
    operation<MetricsBucket, &C::admin, &A::metrics_buckets>(
        "metrics-buckets",
        {process, upgrade},
        "bounds of the request histograms: 1ms,10ms,100ms,1s"),

    client<OnOrOff, &S::http2>(
        "http2", {listener, next_connection}, "accept HTTP/2 from clients, not only HTTP/1.1"),
    client_tls<File, &F::client_ca>("tls-client-ca",
                                    "CA certificates that sign client certificates (PEM)"),
    client_tls<ClientAuthentication, &F::client_auth>(
        "tls-client-auth", "whether clients must present one; with a CA: required"),
    client_tls<File, &F::ticket_keys>("tls-ticket-keys",
                                      "session ticket keys shared by several servers"),
    client_tls<Duration<times()>, &F::handshake_timeout>("tls-handshake-timeout",
                                                         "maximum duration of the TLS handshake"),
    client<Network, &S::proxy_protocol>("proxy-protocol",
                                        {listener, next_connection},
                                        "peers that must send a PROXY header: 10.0.0.0/8, unix"),
    client<ListenAddress, &S::proxy_protocol_listeners>("proxy-protocol-listen",
                                                        {listener, next_connection},
                                                        "limit proxy-protocol to these listeners"),
    client<Duration<times()>, &S::header_timeout>(
        "header-timeout",
        {process, next_timer},
        "maximum duration of a request head; if exceeded: 408"),
    client<Duration<times()>, &S::body_timeout>(
        "body-timeout", {process, next_timer}, "maximum pause in a request body; if exceeded: 408"),
    client<Duration<times()>, &S::write_timeout>(
        "write-timeout",
        {process, next_timer},
        "maximum time without progress in writing to the client"),
    client<HalfCloseChoice, &S::half_close>(
        "half-close", {process, next_connection}, "HTTP/1: a client that closes its sending side"),
    client<Duration<times()>, &S::idle_timeout>(
        "idle-timeout", {process, next_timer}, "maximum idle time between two requests"),
    client<Number<sizes(1, kGiB)>, &S::max_header_bytes>(
        "max-header-bytes",
        {process, next_connection},
        "head bytes: name + value + 32 per field; else 431"),
    client<Number<counts(1, kMillion)>, &S::max_header_fields>(
        "max-header-fields", {process, next_connection}, "fields of a request; if exceeded: 431"),
    client<Number<sizes(1, kGiB)>, &S::max_request_line>(
        "max-request-line",
        {process, next_connection},
        "bytes of a request line; if exceeded: 414"),
    client<Number<counts(1, kMillion)>, &S::max_streams>(
        "max-streams", {process, next_connection}, "HTTP/2: concurrent requests per connection"),
    client<Number<sizes(kKiB, kGiB)>, &S::stream_window>(
        "stream-window", {process, next_connection}, "HTTP/2: unread bytes per request"),
    client<Number<sizes(65'535, kGiB)>, &S::connection_window>(
        "connection-window", {process, next_connection}, "HTTP/2: bytes in flight per connection"),
    client<Number<or_auto(counts(1, kMaxOfAll))>, &S::max_client_connections>(
        "max-client-connections",
        {process, at_once},
        "connections; auto: 80% of the open file limit"),
    client<Number<or_off(counts(1, kMaxOfAll), kUnlimited)>, &S::max_connections_per_client>(
        "max-connections-per-client",
        {process, next_connection},
        "connections per address or IPv6 /64; others are closed"),
    client<Number<or_off(counts(1, kMaxOfAll), kUnlimited)>, &S::max_requests_per_client>(
        "max-requests-per-client",
        {process, next_request},
        "concurrent requests per address; if exceeded: 429"),
    client<Number<or_auto(or_off(sizes(kMiB, kExbibyte), kUnlimited))>, &S::max_memory>(
        "max-memory", {process, at_once}, "clients and backends; auto: half; if exceeded: 503"),
    client<OnOrOff, &S::defer_accept>("defer-accept",
                                      {listener, new_listener},
                                      "accept a connection once its first bytes arrive"),

    balancing<BalanceWord, &U::balance>("balance", "how one of several backends is chosen"),
    balancing<StickyRule, &U::sticky>("sticky", "keep a client at one of several backends"),
    balancing<File, &U::sticky_key>("sticky-key",
                                    "key of the cookie, for several proxies: 16 bytes or more"),
    balancing<HealthCheckRule, &U::health_check>("health-check", "how backends are checked"),
    balancing<HostName, &U::health_check_host>("health-check-host",
                                               "Host of the checks, if not the backend's"),
    balancing<Duration<times()>, &U::health_check_interval>("health-check-interval",
                                                            "time between two checks"),
    balancing<Duration<times()>, &U::health_check_timeout>("health-check-timeout",
                                                           "maximum duration of a check"),
    balancing<ResolveWord, &U::resolve>("resolve", "each: every address of a name is a backend"),
    balancing<Duration<times(0)>, &U::slow_start>(
        "slow-start", "time until a returning backend has its full share"),
    balancing<Duration<times()>, &U::eject_time>("eject-time",
                                                 "how long a failing backend gets no requests"),
    balancing<Duration<times()>, &U::max_eject_time>("max-eject-time",
                                                     "maximum of eject-time, if it keeps failing"),
    balancing<FailureStatus, &U::failure_statuses>("failure-status",
                                                   "statuses that count as failures of a backend"),
    balancing<FailureStatus, &U::retry_statuses>(
        "retry-status", "statuses that send an idempotent request to another backend"),
    balancing<Number<counts(1, upstream::Group::kMaxAttempts)>, &U::max_attempts>(
        "max-attempts", "maximum number of backends for one request"),
    backend<NameServer, &T::dns_servers>(
        "dns-servers", "name servers for the backend's name, instead of the system's"),
    backend<OnOrOff, &T::http2>("backend-http2", "offer HTTP/2 to an https backend"),
    backend_tls<ServerName, &F::backend_name>(
        "backend-name", "name in the backend's certificate, if not the URL's host"),
    backend_tls<File, &F::backend_ca>("backend-ca",
                                      "CA certificates (PEM) instead of the system's"),
    backend_tls<File, &F::backend_certificate>("backend-cert",
                                               "client certificate for the backend (PEM)"),
    backend_tls<File, &F::backend_key>("backend-key",
                                       "private key, if not in the certificate file"),
    backend_tls<Switch, &F::ignore_missing_close_notify>(
        "ignore-missing-close-notify", "accept a body that ends without close_notify"),
    backend<Switch, &T::send_proxy>("send-proxy",
                                    "begin each connection with its client's PROXY header"),
    backend<Duration<times()>, &T::connect_timeout>(
        "connect-timeout", "maximum time to connect, including TLS; else 504"),
    backend<Duration<times()>, &T::connect_attempt_timeout>(
        "connect-attempt-timeout", "maximum time to connect to one address"),
    backend<Duration<or_off(times(), kNever)>, &T::response_timeout>(
        "response-timeout", "maximum time from request to response head; else 504"),
    backend<Duration<or_off(times(), kNever)>, &T::activity_timeout>(
        "activity-timeout", "maximum silence in both directions; not in streams"),
    backend<Duration<times(0)>, &T::pool_idle_timeout>("pool-idle-timeout",
                                                       "how long an idle connection is kept open"),
    backend<Number<counts(0, kMaxOfAll)>, &T::pool_size>("pool-size",
                                                         "maximum idle connections; 0 keeps none"),
    backend<Duration<or_off(times(), kNever)>, &T::max_connection_age>(
        "max-connection-age", "maximum age; a new one resolves the name again"),
    backend<Number<or_off(counts(1, kMaxOfAll), kUnlimited)>, &T::max_connection_requests>(
        "max-connection-requests", "maximum requests per connection; then a new one"),
    backend<Number<or_off(counts(1, kMaxOfAll), kUnlimited)>, &T::max_connections>(
        "max-connections", "maximum concurrent connections", at_once),
    backend<Duration<times(0)>, &T::queue_timeout>(
        "queue-timeout", "maximum wait for a connection; if exceeded: 503"),
    backend<Number<or_off(sizes(1, kGiB), 0)>, &T::replay_body>(
        "replay-body", "bytes of a request body kept for a retry"),
    backend<Share, &T::retry_budget>(
        "retry-budget", "maximum share of requests that are retried", at_once),
    backend<Number<sizes(1, kGiB)>, &T::max_response_header_bytes>(
        "max-response-header-bytes", "bytes of a response head; if exceeded: 502"),
    backend<Number<counts(1, kMillion)>, &T::max_response_header_fields>(
        "max-response-header-fields", "fields of a response; if exceeded: 502"),
    backend<Duration<or_off(times(), 0)>, &T::expect_continue_timeout>(
        "expect-continue-timeout", "maximum wait for 100 Continue before the body"),
    backend<Number<counts(0, kMillion)>, &T::max_informational>(
        "max-informational", "1xx responses per request; if exceeded: 502"),
    backend<Duration<or_off(times(), 0)>, &T::hold>(
        "hold", "keep trying to connect while the backend refuses"),
};

}  // namespace

std::span<const Setting> settings() {
  return kSettings;
}

std::string flag_of(const Setting& setting) {
  return "--" + std::string(setting.name);
}

std::string environment_of(const Setting& setting) {
  std::string name = "ONEHOP_";
  for (const char c : setting.name) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace onehop::config
