// SPDX-License-Identifier: Apache-2.0
#include "observe/log_fields.hpp"

#include <onehop/trace.hpp>

#include "base/json_text.hpp"
#include "observe/exchange_text.hpp"
#include "server/exchange_log.hpp"
#include "server/log_text.hpp"

#include <algorithm>
#include <array>

namespace onehop::observe {
namespace {

// One function writes the value of a field in both forms, through a TextValue or a JsonValue.
class TextValue {
 public:
  explicit TextValue(std::string& line) : line_(line) {}
  void text(std::string_view value) { server::append_log_value(line_, value); }
  void number(std::uint64_t value) { append_number(line_, value); }
  void truth(bool value) { line_ += value ? "yes" : "no"; }
  void time(WallTime now) { append_utc_time(line_, now); }
  void duration(const Part& part) {
    if (const auto value = part.duration()) {
      append_milliseconds(line_, *value);
    } else {
      line_ += '-';
    }
  }
  void failure(const std::optional<Error>& value) {
    if (!value) {
      line_ += '-';
      return;
    }
    line_ += '"';
    server::append_failure_text(line_, *value);
    line_ += '"';
  }

 private:
  std::string& line_;
};

class JsonValue {
 public:
  explicit JsonValue(std::string& line) : line_(line) {}
  void text(std::string_view value) { append_json_string_or_null(line_, value); }
  void number(std::uint64_t value) { append_number(line_, value); }
  void truth(bool value) { line_ += value ? "true" : "false"; }
  void time(WallTime now) {
    line_ += '"';
    append_utc_time(line_, now);
    line_ += '"';
  }
  void duration(const Part& part) {
    if (const auto value = part.duration()) {
      append_milliseconds(line_, *value);
    } else {
      line_ += "null";
    }
  }
  void failure(const std::optional<Error>& value) { append_json_failure(line_, value); }

 private:
  std::string& line_;
};

using Presence = LogField::Presence;
using enum LogField::Presence;
using Exchange = ExchangeRecord;

template <auto kWrite>
constexpr LogField row(std::string_view name,
                       std::string_view type,
                       Presence in_text,
                       Presence in_json,
                       std::string_view meaning) {
  return {.name = name,
          .type = type,
          .meaning = meaning,
          .in_text = in_text,
          .in_json = in_json,
          .append_text = [](std::string& line, const Exchange& exchange,
                            WallTime now) { kWrite(TextValue(line), exchange, now); },
          .append_json = [](std::string& line, const Exchange& exchange,
                            WallTime now) { kWrite(JsonValue(line), exchange, now); }};
}

template <auto kMember>
constexpr LogField text(std::string_view name, Presence in_text, std::string_view meaning) {
  return row<[](auto out, const Exchange& exchange, WallTime) { out.text(exchange.*kMember); }>(
      name, "string", in_text, always, meaning);
}

template <auto kMember>
constexpr LogField number(std::string_view name, Presence in_text, std::string_view meaning) {
  return row<[](auto out, const Exchange& exchange, WallTime) { out.number(exchange.*kMember); }>(
      name, "number", in_text, always, meaning);
}

template <auto kMember>
constexpr LogField truth(std::string_view name, Presence in_text, std::string_view meaning) {
  return row<[](auto out, const Exchange& exchange, WallTime) { out.truth(exchange.*kMember); }>(
      name, "boolean", in_text, always, meaning);
}

template <auto kMember>
constexpr LogField tls_text(std::string_view name, Presence in_json, std::string_view meaning) {
  return row<[](auto out, const Exchange& exchange, WallTime) {
    out.text(exchange.tls_info ? exchange.tls_info->*kMember : std::string_view());
  }>(name, "string", never, in_json, meaning);
}

template <std::size_t kPart>
constexpr LogField duration(std::string_view name, std::string_view meaning) {
  return row<[](auto out, const Exchange& exchange, WallTime) {
    out.duration(parts_of(exchange)[kPart]);
  }>(name, "number", if_set, always, meaning);
}

using E = ExchangeRecord;
using T = TlsInfo;

constexpr std::array kFields = {
    row<[](auto out, const E&, WallTime now) { out.time(now); }>(
        "time",
        "string",
        always,
        always,
        "when the exchange ended, in UTC, with milliseconds (the default text: local time)"),
    text<&E::client>("client", always, "the IP address of the client; `unix` for a unix socket"),
    text<&E::peer>("peer",
                   if_set,
                   "the address that the connection came from; it differs from the client behind a "
                   "proxy in `--trust`"),
    row<[](auto out, const E& exchange, WallTime) {
      out.text(has_head(exchange) ? exchange.method.text() : std::string_view());
    }>("method", "string", always, always, "the method"),
    text<&E::target>("target", always, "the target of the request line, with the query"),
    row<[](auto out, const E& exchange, WallTime) {
      out.text(has_head(exchange) ? to_string(exchange.version) : std::string_view());
    }>("version", "string", always, always, "the version of HTTP, such as `HTTP/1.1`"),
    text<&E::host>("host", always, "the Host field (HTTP/2: `:authority`)"),
    row<[](auto out, const E& exchange, WallTime) {
      out.number(static_cast<std::uint64_t>(reported_status(exchange)));
    }>("status",
       "number",
       always,
       always,
       "the status that was sent; 499 if the client left first"),
    row<[](auto out, const E& exchange, WallTime) { out.text(text_of(exchange.outcome)); }>(
        "outcome",
        "string",
        always,
        always,
        "how the exchange ended: [below](#who-failed-and-when)"),
    number<&E::request_body>("request_body", never, "bytes of content received from the client"),
    number<&E::response_body>("response_body", always, "bytes of content sent to the client"),
    truth<&E::upgraded>("upgraded", never, "the connection became a tunnel, such as a WebSocket"),
    text<&E::referer>("referer", always, "the Referer field"),
    text<&E::user_agent>("user_agent", always, "the User-Agent field"),
    text<&E::request_id>("request_id", if_set, "the `X-Request-ID` of the request"),
    text<&E::trace_id>("trace_id", if_set, "the trace id of a valid `traceparent` field"),
    row<[](auto out, const E& exchange, WallTime) {
      out.text(exchange.trace ? exchange.trace->span_id : std::string_view());
    }>("span_id", "string", never, never, "the id of the span of this exchange, with `--trace`"),
    text<&E::upstream>("upstream", always, "the address of the backend that onehop connected to"),
    number<&E::attempts>(
        "attempts",
        always,
        "how often onehop sent the request or tried to connect for it; 2 means one "
        "retry, 0 means that it did not contact the backend"),
    truth<&E::reused>("reused", always, "the last attempt used a connection from the pool"),
    duration<0>("total", "milliseconds from the first byte to the end: [Times](#times)"),
    duration<1>("head", "the part of `total` for the head of the request"),
    duration<2>("connect", "until a connection to the backend was available"),
    duration<3>("send", "until the request was sent"),
    duration<4>("wait", "until the head of the response"),
    duration<5>("receive", "until the end of the response"),
    row<[](auto out, const E& exchange, WallTime) { out.failure(exchange.failure); }>(
        "failure",
        "object",
        if_set,
        always,
        "why it failed: `side`, `phase` and `reason`, in text as one sentence"),
    row<[](auto out, const E& exchange, WallTime) {
      out.text(has_head(exchange) ? scheme_of(exchange) : std::string_view());
    }>("scheme", "string", never, always, "`https` or `http`: with TLS or without"),
    text<&E::route>(
        "route",
        never,
        "the route from a configuration file, by its conditions (`a.example/api/*`), or "
        "the name that a handler has set"),
    tls_text<&T::version>("tls_version", always, "the version of TLS, such as `TLSv1.3`"),
    tls_text<&T::cipher>("tls_cipher", always, "the cipher suite of TLS"),
    tls_text<&T::server_name>("tls_server_name", never, "the name that the client asked for (SNI)"),
    tls_text<&T::protocol>("tls_protocol", never, "the protocol that ALPN chose, such as `h2`"),
    tls_text<&T::client_subject>(
        "tls_client_subject", never, "the subject of the client's certificate"),
    row<[](auto out, const E& exchange, WallTime) {
      out.truth(exchange.tls_info != nullptr && exchange.tls_info->resumed);
    }>("tls_resumed", "boolean", never, never, "the TLS session was resumed"),
};

}  // namespace

std::span<const LogField> log_fields() {
  return kFields;
}

const LogField* find_log_field(std::string_view name) {
  const auto found = std::ranges::find(kFields, name, &LogField::name);
  return found == kFields.end() ? nullptr : &*found;
}

void append_text_fields(std::string& line,
                        const LogFields& fields,
                        const ExchangeRecord& exchange,
                        WallTime now) {
  for (const LogField* field : fields) {
    line.append(field->name).append("=");
    field->append_text(line, exchange, now);
    line += ' ';
  }
  line.back() = '\n';
}

void append_json_fields(std::string& line,
                        const LogFields& fields,
                        const ExchangeRecord& exchange,
                        WallTime now) {
  char separator = '{';
  for (const LogField* field : fields) {
    line += separator;
    separator = ',';
    line.append("\"").append(field->name).append("\":");
    field->append_json(line, exchange, now);
  }
  line += "}\n";
}

}  // namespace onehop::observe
