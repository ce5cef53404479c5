// SPDX-License-Identifier: Apache-2.0
#include "program/settings.hpp"

#include "net/address.hpp"
#include "program/quantities.hpp"
#include "proxy/ip_network.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <type_traits>

namespace onehop::program {
namespace {

using Values = std::vector<std::string>;

// The kinds of values. Each parses one text and shows a value the way it would be typed.

struct Duration {
  static constexpr std::string_view kPlaceholder = "TIME";
  static constexpr std::chrono::nanoseconds kLeast = std::chrono::milliseconds(1);
  static Parsed<std::chrono::nanoseconds> parse(std::string_view text) {
    if (text == "off") return refused("this one cannot be off; a long one will do, such as 24h");
    return parse_duration(text);
  }
  static std::string show(std::chrono::nanoseconds value) { return format_duration(value); }
};

// For what would fail every request if it were zero.
template <class Kind>
struct Positive : Kind {
  static decltype(Kind::parse({})) parse(std::string_view text) {
    auto value = Kind::parse(text);
    if (value && *value < Kind::kLeast) return refused(Kind::show(Kind::kLeast) + " is the least");
    return value;
  }
};

// kNever, as a duration, is the library's kOff.
constexpr std::int64_t kNever = Server::kOff.count();

template <class Kind, auto kOffValue>
struct OrOff : Kind {
  using Value = decltype(Kind::parse({}))::value_type;
  static Parsed<Value> parse(std::string_view text) {
    if (text == "off") return Value(kOffValue);
    return Kind::parse(text);
  }
  static std::string show(Value value) {
    return value == Value(kOffValue) ? "off" : Kind::show(value);
  }
};

struct Size {
  static constexpr std::string_view kPlaceholder = "SIZE";
  static constexpr std::uint64_t kLeast = 1;
  static Parsed<std::uint64_t> parse(std::string_view text) { return parse_size(text); }
  static std::string show(std::uint64_t value) { return format_size(value); }
};

// 0 lets the library choose.
struct SizeOrAuto : Size {
  static Parsed<std::uint64_t> parse(std::string_view text) {
    if (text == "auto") return std::uint64_t{0};
    auto size = Size::parse(text);
    if (size && *size == 0) return refused("nothing could be served with no memory at all");
    return size;
  }
  static std::string show(std::uint64_t value) { return value == 0 ? "auto" : Size::show(value); }
};

struct Count {
  static constexpr std::string_view kPlaceholder = "N";
  static constexpr std::size_t kLeast = 1;
  static Parsed<std::size_t> parse(std::string_view text) { return parse_count(text); }
  static std::string show(std::size_t value) { return std::to_string(value); }
};

// 0 lets the library choose.
struct CountOrAuto : Count {
  static Parsed<std::size_t> parse(std::string_view text) {
    if (text == "auto") return std::size_t{0};
    return Count::parse(text);
  }
  static std::string show(std::size_t value) { return value == 0 ? "auto" : Count::show(value); }
};

struct Share {
  static constexpr std::string_view kPlaceholder = "SHARE";
  static Parsed<double> parse(std::string_view text) { return parse_share(text); }
  static std::string show(double value) { return format_share(value); }
};

struct Switch {
  static constexpr std::string_view kPlaceholder = {};
  static Parsed<bool> parse(std::string_view text) {
    static constexpr std::array<std::string_view, 4> kYes = {"1", "true", "yes", "on"};
    static constexpr std::array<std::string_view, 4> kNo = {"0", "false", "no", "off"};
    if (std::ranges::find(kYes, text) != kYes.end()) return true;
    if (std::ranges::find(kNo, text) != kNo.end()) return false;
    return refused("'" + std::string(text) + "' is neither on nor off");
  }
  static std::string show(bool) { return {}; }
};

// A switch that is on unless told otherwise, and so takes a value.
struct OnOrOff : Switch {
  static constexpr std::string_view kPlaceholder = "on|off";
  static std::string show(bool value) { return value ? "on" : "off"; }
};

struct LogFormat {
  static constexpr std::string_view kPlaceholder = "text|json|off";
  static Parsed<AccessLogFormat> parse(std::string_view text) {
    for (const auto format : {AccessLogFormat::off, AccessLogFormat::text, AccessLogFormat::json}) {
      if (text == show(format)) return format;
    }
    return refused("'" + std::string(text) + "' is none of text, json and off");
  }
  static std::string show(AccessLogFormat format) {
    if (format == AccessLogFormat::off) return "off";
    return format == AccessLogFormat::text ? "text" : "json";
  }
};

struct HostHeader {
  static constexpr std::string_view kPlaceholder = "keep|backend|NAME";
  static Parsed<std::string> parse(std::string_view text) {
    auto edit = parse_field_edit("Host:" + std::string(text));
    if (!edit || edit->value.empty()) return refused("'" + std::string(text) + "' is no host name");
    return edit->value;
  }
  static std::string show(const std::string& value) { return value; }
};

struct ListenAddress {
  static constexpr std::string_view kPlaceholder = "ADDR";
  static constexpr char kSeparator = ',';
  static Parsed<std::string> parse(std::string_view text) {
    const auto address = net::Address::parse_listen(text);
    if (!address) return refused(std::string(address.error().detail()));
    return std::string(text);
  }
  static std::string show(const std::string& value) { return value; }
};

struct User {
  static constexpr std::string_view kPlaceholder = "NAME[:GROUP]";
  static Parsed<Account> parse(std::string_view text) { return find_account(text); }
  static std::string show(const std::optional<Account>&) { return {}; }
};

// A file; whether it is there and good is seen when it is used.
struct File {
  static constexpr std::string_view kPlaceholder = "FILE";
  static Parsed<std::string> parse(std::string_view text) {
    if (text.empty()) return refused("the name of a file is missing");
    return std::string(text);
  }
  static std::string show(const std::string& value) { return value; }
};

struct CertificateFile : File {
  static constexpr std::string_view kPlaceholder = "CERT|self";
  static constexpr char kSeparator = ',';
};

struct KeyFile : File {
  static constexpr std::string_view kPlaceholder = "KEY";
  static constexpr char kSeparator = ',';
};

struct ClientAuthentication {
  static constexpr std::string_view kPlaceholder = "none|optional|required";
  static Parsed<ClientAuth> parse(std::string_view text) {
    if (text == "none") return ClientAuth::none;
    if (text == "optional") return ClientAuth::optional;
    if (text == "required") return ClientAuth::required;
    return refused("'" + std::string(text) + "' is none of none, optional and required");
  }
  static std::string show(const std::optional<ClientAuth>&) { return {}; }
};

struct Network {
  static constexpr std::string_view kPlaceholder = "CIDR";
  static constexpr char kSeparator = ',';
  static Parsed<std::string> parse(std::string_view text) {
    if (text == "unix" || IpNetwork::parse(text)) return std::string(text);
    return refused("'" + std::string(text) + "' is no network, such as 10.0.0.0/8, ::1 or unix");
  }
  static std::string show(const std::string& value) { return value; }
};

struct UpgradeToken : Network {
  static constexpr std::string_view kPlaceholder = "TOKEN";
  static Parsed<std::string> parse(std::string_view text) {
    // A name, and perhaps a version behind a slash (RFC 9110 §7.8): two tokens, as field names are.
    const std::size_t slash = text.find('/');
    for (const std::string_view part :
         {text.substr(0, slash), slash == text.npos ? "x" : text.substr(slash + 1)}) {
      if (!parse_field_edit(std::string(part) + ": x")) {
        return refused("'" + std::string(text) + "' is no protocol name");
      }
    }
    if (text == "h2c") return refused("h2c is never passed on: it would hide the requests in it");
    return std::string(text);
  }
};

struct FieldChange {
  static constexpr std::string_view kPlaceholder = "FIELD";
  static constexpr char kSeparator = '\n';
  static Parsed<FieldEdit> parse(std::string_view text) { return parse_field_edit(text); }
  static std::string show(const FieldEdit& edit) { return edit.name; }
};

// The field at the end of a path of member pointers.
template <auto kFirst, auto... kRest, class Object>
auto& reach(Object& object) {
  if constexpr (sizeof...(kRest) == 0) {
    return object.*kFirst;
  } else {
    return reach<kRest...>(object.*kFirst);
  }
}

// Puts parsed values there, and shows what is there.
template <class Kind, auto... kPath>
struct Stored {
  static Problem set(Configuration& configuration, const Values& values) {
    auto& target = reach<kPath...>(configuration);
    if constexpr (requires { Kind::kSeparator; }) {
      target.clear();
      for (const std::string& text : values) {
        auto value = Kind::parse(text);
        if (!value) return value.error();
        target.push_back(std::move(*value));
      }
    } else {
      auto value = Kind::parse(values.back());
      if (!value) return value.error();
      target = static_cast<std::remove_reference_t<decltype(target)>>(std::move(*value));
    }
    return std::nullopt;
  }

  static std::string show(const Configuration& configuration) {
    const auto& value = reach<kPath...>(configuration);
    if constexpr (requires { Kind::kSeparator; }) {
      std::string joined;
      for (const auto& element : value)
        joined += (joined.empty() ? "" : ", ") + Kind::show(element);
      return joined;
    } else {
      return Kind::show(value);
    }
  }
};

template <class Kind, auto... kPath>
constexpr Setting setting(SettingGroup group,
                          std::string_view name,
                          std::string_view help,
                          char letter = 0) {
  using Field = Stored<Kind, kPath...>;
  char separator = 0;
  if constexpr (requires { Kind::kSeparator; }) separator = Kind::kSeparator;
  return {.group = group,
          .name = name,
          .placeholder = Kind::kPlaceholder,
          .help = help,
          .set = Field::set,
          .show = Field::show,
          .letter = letter,
          .list_separator = separator};
}

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

using S = Server::Options;
using T = Transport::Options;
using C = Configuration;

constexpr std::array kSettings = {
    everyday<ListenAddress, &C::listen>(
        "listen", "where to listen: :8080, https://:8443, unix:PATH", 'l'),
    setting<CertificateFile, &C::tls, &TlsFlags::certificates>(
        SettingGroup::everyday, "tls", "serve https: certificate chain (PEM), or self"),
    setting<KeyFile, &C::tls, &TlsFlags::keys>(
        SettingGroup::everyday, "tls-key", "its private key, where not in the same file"),
    setting<Switch, &C::tls, &TlsFlags::insecure>(
        SettingGroup::everyday, "insecure", "do not check the certificate of an https backend"),
    everyday<HostHeader, &C::host_header>("host-header",
                                          "the Host sent on: the client's, the backend's, NAME"),
    everyday<FieldChange, &C::header_up>("header-up",
                                         "'Name: value' sets a request field, '-Name' removes it"),
    everyday<FieldChange, &C::header_down>("header-down", "the same for responses"),
    everyday<Network, &C::trust>("trust", "whose X-Forwarded-* to believe: 10.0.0.0/8, ::1, unix"),
    everyday<UpgradeToken, &C::upgrades>("allow-upgrade", "protocols that clients may upgrade to"),
    setting<OrOff<Size, Server::kUnlimited>, &C::server, &S::max_body>(
        SettingGroup::everyday, "max-body", "largest request body; past it 413"),
    setting<CountOrAuto, &C::server, &S::workers>(
        SettingGroup::everyday, "workers", "threads; auto is one for each usable CPU"),
    everyday<User, &C::user>("user", "whom to become once the listeners are open"),
    everyday<LogFormat, &C::access_log>("access-log", "one line for each request, on stdout"),
    everyday<Switch, &C::verbose>("verbose", "log more than warnings", 'v'),

    setting<File, &C::tls, &TlsFlags::client_ca>(
        SettingGroup::client_side, "tls-client-ca", "who signs client certificates (PEM)"),
    setting<ClientAuthentication, &C::tls, &TlsFlags::client_auth>(
        SettingGroup::client_side, "tls-client-auth", "whether they show one; required with a CA"),
    setting<File, &C::tls, &TlsFlags::ticket_keys>(
        SettingGroup::client_side, "tls-ticket-keys", "session ticket keys that servers share"),
    setting<Positive<Duration>, &C::tls, &TlsFlags::handshake_timeout>(
        SettingGroup::client_side, "tls-handshake-timeout", "to the end of the TLS handshake"),
    client<Positive<Duration>, &S::header_timeout>(
        "header-timeout", "the whole request head, first byte on; past it 408"),
    client<Positive<Duration>, &S::body_timeout>("body-timeout",
                                                 "without a byte of a request body; past it 408"),
    client<Positive<Duration>, &S::write_timeout>("write-timeout",
                                                  "without progress in writing to the client"),
    client<Positive<Duration>, &S::idle_timeout>("idle-timeout",
                                                 "between two requests of a connection"),
    setting<Duration, &C::drain_timeout>(SettingGroup::client_side,
                                         "drain-timeout",
                                         "for requests in flight, after TERM, INT, QUIT"),
    client<Positive<Size>, &S::max_header_bytes>(
        "max-header-bytes", "request head: name + value + 32 each; past it 431"),
    client<Positive<Count>, &S::max_header_fields>("max-header-fields",
                                                   "fields in it; past it 431"),
    client<Positive<Size>, &S::max_request_line>("max-request-line", "past it 414"),
    client<Positive<Count>, &S::max_streams>("max-streams",
                                             "HTTP/2: requests of a connection at once"),
    client<Size, &S::stream_window>("stream-window", "HTTP/2: sent ahead of a reader, per request"),
    client<Size, &S::connection_window>("connection-window", "HTTP/2: the same, per connection"),
    client<CountOrAuto, &S::max_client_connections>("max-client-connections",
                                                    "open at once; auto is 80% of the open files"),
    client<OrOff<Count, 0>, &S::max_connections_per_client>(
        "max-connections-per-client", "of one address (IPv6: one /64); more are closed"),
    client<OrOff<Count, 0>, &S::max_requests_per_client>(
        "max-requests-per-client", "of one address, in progress at once; past it 429"),
    client<OrOff<SizeOrAuto, Server::kUnlimited>, &S::max_memory>(
        "max-memory", "for clients and backends; auto is half; past it 503"),
    client<OnOrOff, &S::defer_accept>("defer-accept",
                                      "accept only once the first octets are there"),

    setting<File, &C::tls, &TlsFlags::backend_ca>(
        SettingGroup::backend_side, "backend-ca", "whom to trust instead of the system's list"),
    setting<File, &C::tls, &TlsFlags::backend_certificate>(
        SettingGroup::backend_side, "backend-cert", "certificate to show to the backend (PEM)"),
    setting<File, &C::tls, &TlsFlags::backend_key>(
        SettingGroup::backend_side, "backend-key", "its private key, where not in the same file"),
    backend<Positive<Duration>, &T::connect_timeout>("connect-timeout",
                                                     "to connect, TLS included; past it 504"),
    backend<Positive<Duration>, &T::connect_attempt_timeout>("connect-attempt-timeout",
                                                             "to connect to one address"),
    backend<OrOff<Positive<Duration>, kNever>, &T::response_timeout>(
        "response-timeout", "from the last byte sent to the response head; then 504"),
    backend<OrOff<Positive<Duration>, kNever>, &T::activity_timeout>(
        "activity-timeout", "no byte either way; not for streams that have begun"),
    backend<Duration, &T::pool_idle_timeout>("pool-idle-timeout",
                                             "how long an idle connection is kept"),
    backend<Count, &T::pool_size>("pool-size", "idle connections kept; 0 keeps none"),
    backend<OrOff<Positive<Duration>, kNever>, &T::max_connection_age>(
        "max-connection-age", "then a new one, which looks the name up again"),
    backend<OrOff<Count, 0>, &T::max_connection_requests>("max-connection-requests",
                                                          "of one connection; then a new one"),
    backend<OrOff<Count, 0>, &T::max_connections>("max-connections", "open at once"),
    backend<Duration, &T::queue_timeout>("queue-timeout", "to wait for one of those; past it 503"),
    backend<OrOff<Size, 0>, &T::replay_body>("replay-body",
                                             "how much of a body is kept to send it again"),
    backend<OrOff<Share, 1>, &T::retry_budget>("retry-budget", "retries per request, at most"),
    backend<Positive<Size>, &T::max_response_header_bytes>("max-response-header-bytes",
                                                           "response head; past it 502"),
    backend<Positive<Count>, &T::max_response_header_fields>("max-response-header-fields",
                                                             "fields in it; past it 502"),
    backend<OrOff<Duration, 0>, &T::expect_continue_timeout>(
        "expect-continue-timeout", "for its 100 Continue; past it the body is sent"),
    backend<Count, &T::max_informational>("max-informational", "1xx responses; past it 502"),
    backend<OrOff<Positive<Duration>, 0>, &T::hold>(
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
