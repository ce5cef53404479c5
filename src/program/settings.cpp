// SPDX-License-Identifier: Apache-2.0
#include "program/settings.hpp"

#include "program/quantity_settings.hpp"
#include "program/setting_binding.hpp"
#include "program/setting_kinds.hpp"

#include <array>
#include <cctype>

namespace onehop::program {
namespace {

template <class Kind, auto kMember>
constexpr Setting everyday(std::string_view name, std::string_view help, char letter = 0) {
  return setting<Kind, kMember>(SettingGroup::everyday, name, help, letter);
}

template <class Kind, auto kMember>
constexpr Setting client(std::string_view name, std::string_view help) {
  return setting<Kind, &Configuration::server, kMember>(SettingGroup::client_side, name, help);
}

template <class Kind, auto kMember>
constexpr Setting backend(std::string_view name, std::string_view help) {
  return setting<Kind, &Configuration::transport, kMember>(SettingGroup::backend_side, name, help);
}

// The library's no_limit, as the numbers of its members' types.
constexpr auto kNever =
    static_cast<std::uint64_t>(Limit<Server::Duration>(onehop::no_limit).value().count());
constexpr std::uint64_t kUnlimited = Limit<std::uint64_t>(onehop::no_limit);
constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::uint64_t kExbibyte = kGiB * kGiB;

using S = Server::Options;
using T = Transport::Options;
using C = Configuration;

constexpr std::array kSettings = {
    everyday<ListenAddress, &C::listen>(
        "listen", "where: :8080, https://:443, redirect://:80, unix:PATH", 'l'),
    setting<CertificateFile, &C::tls, &TlsFlags::certificates>(
        SettingGroup::everyday, "tls", "serve https with this certificate chain (PEM), or self"),
    setting<KeyFile, &C::tls, &TlsFlags::keys>(
        SettingGroup::everyday, "tls-key", "private key, if not in the certificate file"),
    setting<Switch, &C::tls, &TlsFlags::insecure>(
        SettingGroup::everyday, "insecure", "do not verify the certificate of an https backend"),
    everyday<HostHeader, &C::host_header>("host-header",
                                          "Host to send: the client's, the backend's, or NAME"),
    everyday<FieldChange, &C::header_up>("header-up",
                                         "'Name: value' sets a request field, '-Name' removes it"),
    everyday<FieldChange, &C::header_down>("header-down", "the same for responses"),
    setting<Network, &C::server, &S::trust>(
        SettingGroup::everyday, "trust", "peers whose X-Forwarded-* count: 10.0.0.0/8, ::1, unix"),
    setting<Switch, &C::server, &S::request_ids>(
        SettingGroup::everyday, "request-id", "add an X-Request-ID; a trusted peer's is kept"),
    everyday<ForwardingFieldName, &C::allow_fields>(
        "allow-field", "forward a client's X-Real-IP, or another such field"),
    everyday<UpgradeToken, &C::upgrades>("allow-upgrade", "protocols that clients may upgrade to"),
    setting<Number<or_off(sizes(0, kExbibyte), kUnlimited)>, &C::server, &S::max_body>(
        SettingGroup::everyday, "max-body", "maximum request body; if exceeded: 413"),
    setting<Number<or_auto(counts(1, Server::kMaxWorkers))>, &C::server, &S::workers>(
        SettingGroup::everyday, "workers", "threads; auto: one per CPU, within the CPU quota"),
    everyday<User, &C::user>("user", "user to run as once the listeners are open"),
    everyday<LogFormat, &C::access_log>("access-log", "one line per request on standard output"),
    everyday<Switch, &C::verbose>("verbose", "log informational messages too", 'v'),

    client<OnOrOff, &S::http2>("http2", "accept HTTP/2 from clients, not only HTTP/1.1"),
    setting<File, &C::tls, &TlsFlags::client_ca>(
        SettingGroup::client_side,
        "tls-client-ca",
        "CA certificates that sign client certificates (PEM)"),
    setting<ClientAuthentication, &C::tls, &TlsFlags::client_auth>(
        SettingGroup::client_side,
        "tls-client-auth",
        "whether clients must present one; with a CA: required"),
    setting<File, &C::tls, &TlsFlags::ticket_keys>(SettingGroup::client_side,
                                                   "tls-ticket-keys",
                                                   "session ticket keys shared by several servers"),
    setting<Duration<times()>, &C::tls, &TlsFlags::handshake_timeout>(
        SettingGroup::client_side,
        "tls-handshake-timeout",
        "maximum duration of the TLS handshake"),
    client<Duration<times()>, &S::header_timeout>(
        "header-timeout", "maximum duration of a request head; if exceeded: 408"),
    client<Duration<times()>, &S::body_timeout>(
        "body-timeout", "maximum pause in a request body; if exceeded: 408"),
    client<Duration<times()>, &S::write_timeout>(
        "write-timeout", "maximum time without progress in writing to the client"),
    client<HalfCloseChoice, &S::half_close>("half-close",
                                            "HTTP/1: a client that closes its sending side"),
    client<Duration<times()>, &S::idle_timeout>("idle-timeout",
                                                "between two requests of a connection"),
    setting<Duration<times(0)>, &C::drain_timeout>(SettingGroup::client_side,
                                                   "drain-timeout",
                                                   "for requests in flight, after TERM, INT, QUIT"),
    client<Number<sizes(1, kGiB)>, &S::max_header_bytes>(
        "max-header-bytes", "head: name + value + 32 per field; if exceeded: 431"),
    client<Number<counts(1, kMillion)>, &S::max_header_fields>("max-header-fields",
                                                               "request fields; if exceeded: 431"),
    client<Number<sizes(1, kGiB)>, &S::max_request_line>("max-request-line",
                                                         "request line; if exceeded: 414"),
    client<Number<counts(1, kMillion)>, &S::max_streams>(
        "max-streams", "HTTP/2: concurrent requests per connection"),
    client<Number<sizes(kKiB, kGiB)>, &S::stream_window>("stream-window",
                                                         "HTTP/2: unread bytes per request"),
    client<Number<sizes(65'535, kGiB)>, &S::connection_window>(
        "connection-window", "HTTP/2: bytes in flight per connection"),
    client<Number<or_auto(counts(1, kMaxOfAll))>, &S::max_client_connections>(
        "max-client-connections", "concurrent; auto: 80% of the open file limit"),
    client<Number<or_off(counts(1, kMaxOfAll), kUnlimited)>, &S::max_connections_per_client>(
        "max-connections-per-client", "per address (IPv6: per /64); more are closed"),
    client<Number<or_off(counts(1, kMaxOfAll), kUnlimited)>, &S::max_requests_per_client>(
        "max-requests-per-client", "concurrent, per address; if exceeded: 429"),
    client<Number<or_auto(or_off(sizes(kMiB, kExbibyte), kUnlimited))>, &S::max_memory>(
        "max-memory", "clients and backends; auto: half; if exceeded: 503"),
    client<OnOrOff, &S::defer_accept>("defer-accept",
                                      "accept a connection once its first bytes arrive"),

    backend<OnOrOff, &T::http2>("backend-http2", "offer HTTP/2 to an https backend"),
    setting<ServerName, &C::tls, &TlsFlags::backend_name>(
        SettingGroup::backend_side,
        "backend-name",
        "name in its certificate, if not the URL's host"),
    setting<File, &C::tls, &TlsFlags::backend_ca>(
        SettingGroup::backend_side, "backend-ca", "CA certificates (PEM) instead of the system's"),
    setting<File, &C::tls, &TlsFlags::backend_certificate>(
        SettingGroup::backend_side, "backend-cert", "client certificate for the backend (PEM)"),
    setting<File, &C::tls, &TlsFlags::backend_key>(
        SettingGroup::backend_side, "backend-key", "private key, if not in the certificate file"),
    setting<Switch, &C::tls, &TlsFlags::ignore_missing_close_notify>(
        SettingGroup::backend_side,
        "ignore-missing-close-notify",
        "accept a body that ends without close_notify"),
    backend<Duration<times()>, &T::connect_timeout>("connect-timeout",
                                                    "to connect, including TLS; if exceeded: 504"),
    backend<Duration<times()>, &T::connect_attempt_timeout>("connect-attempt-timeout",
                                                            "to connect to one address"),
    backend<Duration<or_off(times(), kNever)>, &T::response_timeout>(
        "response-timeout", "from the last byte sent to the response head; else 504"),
    backend<Duration<or_off(times(), kNever)>, &T::activity_timeout>(
        "activity-timeout", "no byte either way; not for streams that have begun"),
    backend<Duration<times(0)>, &T::pool_idle_timeout>("pool-idle-timeout",
                                                       "how long an idle connection is kept"),
    backend<Number<counts(0, kMaxOfAll)>, &T::pool_size>("pool-size",
                                                         "idle connections kept; 0 keeps none"),
    backend<Duration<or_off(times(), kNever)>, &T::max_connection_age>(
        "max-connection-age", "then a new one, which resolves the name again"),
    backend<Number<or_off(counts(1, kMaxOfAll), kUnlimited)>, &T::max_connection_requests>(
        "max-connection-requests", "requests per connection; then a new one"),
    backend<Number<or_off(counts(1, kMaxOfAll), kUnlimited)>, &T::max_connections>(
        "max-connections", "concurrent connections"),
    backend<Duration<times(0)>, &T::queue_timeout>("queue-timeout",
                                                   "to wait for one of those; if exceeded: 503"),
    backend<Number<or_off(sizes(1, kGiB), 0)>, &T::replay_body>(
        "replay-body", "bytes of a request body kept for a retry"),
    backend<Share, &T::retry_budget>("retry-budget", "maximum share of requests that are retried"),
    backend<Number<sizes(1, kGiB)>, &T::max_response_header_bytes>(
        "max-response-header-bytes", "response head; if exceeded: 502"),
    backend<Number<counts(1, kMillion)>, &T::max_response_header_fields>(
        "max-response-header-fields", "response fields; if exceeded: 502"),
    backend<Duration<or_off(times(), 0)>, &T::expect_continue_timeout>(
        "expect-continue-timeout", "to wait for 100 Continue before sending the body"),
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

}  // namespace onehop::program
