// SPDX-License-Identifier: Apache-2.0
#include "observe/trace_spans.hpp"

#include <onehop/library_version.hpp>
#include <onehop/url.hpp>

#include "base/json_text.hpp"
#include "http/target_parts.hpp"
#include "observe/exchange_values.hpp"
#include "observe/failure_reason.hpp"
#include "observe/request_labels.hpp"
#include "server/exchange_log.hpp"

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <utility>

namespace onehop::observe {
namespace {

// Values of the protocol's enumerations.
constexpr int kServerKind = 2;
constexpr int kClientKind = 3;
constexpr int kErrorStatus = 2;
// Flags of a span: the flags of the trace context, and whether the parent is known to be remote.
constexpr unsigned kSampledFlag = 0x01;
constexpr unsigned kParentIsKnown = 0x100;
constexpr unsigned kParentIsRemote = 0x200;
// Longer values are cut, so that a span has a maximum size.
constexpr std::size_t kLongestValue = 1024;
constexpr int kServerError = 500;
constexpr int kClientError = 400;

std::string_view cut(std::string_view text) {
  return text.substr(0, kLongestValue);
}

// Writes the list of attributes of a span.
class Attributes {
 public:
  explicit Attributes(std::string& json) : json_(json) { json_ += ",\"attributes\":["; }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { json_ += ']'; }

  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    begin(key);
    json_ += "\"stringValue\":";
    append_json_string(json_, cut(value));
    json_ += "}}";
  }
  void texts(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    begin(key);
    json_ += "\"arrayValue\":{\"values\":[{\"stringValue\":";
    append_json_string(json_, cut(value));
    json_ += "}]}}}";
  }
  // The JSON mapping writes a 64-bit number as a string.
  void number(std::string_view key, std::uint64_t value) {
    begin(key);
    json_ += "\"intValue\":\"";
    append_number(json_, value);
    json_ += "\"}}";
  }

 private:
  void begin(std::string_view key) {
    json_ += json_.back() == '[' ? "{\"key\":\"" : ",{\"key\":\"";
    json_.append(key).append("\",\"value\":{");
  }

  std::string& json_;
};

void append_text(std::string& json, std::string_view key, std::string_view value) {
  json.append(",\"").append(key).append("\":");
  append_json_string(json, value);
}

void append_time(std::string& json, std::string_view key, Time at, const TwoClocks& now) {
  const auto since = now.wall_time(at).time_since_epoch();
  json.append(",\"").append(key).append("\":\"");
  append_number(json, std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
  json += '"';
}

struct Event {
  std::string_view name;
  Time at;
};

void append_events(std::string& json, std::initializer_list<Event> events, const TwoClocks& now) {
  json += ",\"events\":[";
  for (const Event& event : events) {
    if (event.at == Time{}) continue;
    if (json.back() != '[') json += ',';
    json += "{\"name\":\"";
    json.append(event.name).append("\"");
    append_time(json, "timeUnixNano", event.at, now);
    json += '}';
  }
  json += ']';
}

// Reports whether the method is registered; any other could be any text.
bool is_known(const Method& method) {
  return method_label(method) != kOtherMethod;
}

void append_method(Attributes& attributes, const Method& method) {
  attributes.text("http.request.method", is_known(method) ? method.text() : "_OTHER");
  if (!is_known(method)) attributes.text("http.request.method_original", method.text());
}

std::string_view version_number(Version version) {
  const std::string_view text = to_string(version);  // "HTTP/1.1"
  return version == Version::http_2 ? "2" : text.substr(text.find('/') + 1);
}

// Splits "a.example:8080", "[::1]:80" or "a.example".
std::pair<std::string_view, std::string_view> host_and_port(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos &&
                        authority.find(']', colon) == authority.npos &&
                        (authority.starts_with('[') || authority.find(':') == colon);
  std::string_view host = has_port ? authority.substr(0, colon) : authority;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {host, has_port ? authority.substr(colon + 1) : std::string_view()};
}

void append_address(Attributes& attributes,
                    std::string_view address_key,
                    std::string_view port_key,
                    std::string_view authority) {
  const auto [host, port] = host_and_port(authority);
  attributes.text(address_key, host);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (!port.empty() && error == std::errc() && end == port.data() + port.size()) {
    attributes.number(port_key, number);
  }
}

// Reports whether a parameter of a query is a credential; the semantic conventions list these
// names.
bool is_secret(std::string_view name) {
  return name == "AWSAccessKeyId" || name == "Signature" || name == "sig" ||
         name == "X-Goog-Signature" || name == "X-Amz-Signature" || name == "X-Amz-Credential" ||
         name == "X-Amz-Security-Token";
}

std::string without_secrets(std::string_view query) {
  std::string clean;
  for (;;) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    const bool hides = equals != std::string_view::npos && is_secret(pair.substr(0, equals));
    clean.append(hides ? pair.substr(0, equals + 1) : pair).append(hides ? "REDACTED" : "");
    if (end == std::string_view::npos) return clean;
    clean += '&';
    query.remove_prefix(end + 1);
  }
}

std::pair<std::string_view, std::string_view> path_and_query(std::string_view target) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

void append_status(std::string& json, std::string_view message) {
  json += ",\"status\":{\"code\":";
  append_number(json, kErrorStatus);
  if (!message.empty()) append_text(json, "message", cut(message));
  json += '}';
}

std::string message_of(const std::optional<Error>& failure) {
  if (!failure) return {};
  return std::string(server::name_of(failure->side())) + " " + failure->to_string();
}

// Appends a word of a fixed set, or the status if there is no failure.
void append_error_type(Attributes& attributes, const std::optional<Error>& failure, int status) {
  if (failure) {
    attributes.text("error.type", name_of_failure_reason(failure_reason(*failure)));
  } else {
    attributes.text("error.type", std::to_string(status));
  }
}

struct SpanHead {
  std::string_view trace_id, span_id, parent_id, state;
  unsigned flags = 0;
  int kind = 0;
  Time began, ended;
};

void append_head(std::string& json,
                 const SpanHead& head,
                 const ExchangeRecord& exchange,
                 std::string_view route,
                 const TwoClocks& now) {
  json.append("{\"traceId\":\"").append(head.trace_id).append("\",\"spanId\":\"");
  json.append(head.span_id).append("\"");
  if (!head.parent_id.empty()) append_text(json, "parentSpanId", head.parent_id);
  if (!head.state.empty()) append_text(json, "traceState", head.state);
  json += ",\"flags\":";
  append_number(json, head.flags);
  std::string name(is_known(exchange.method) ? exchange.method.text() : "HTTP");
  if (!route.empty()) name.append(" ").append(route);
  append_text(json, "name", cut(name));
  json += ",\"kind\":";
  append_number(json, head.kind);
  append_time(json, "startTimeUnixNano", head.began, now);
  append_time(json, "endTimeUnixNano", head.ended, now);
}

void append_server_span(std::string& json, const ExchangeRecord& exchange, const TwoClocks& now) {
  const Trace& trace = *exchange.trace;
  unsigned flags = kParentIsKnown | (trace.sampled ? kSampledFlag : 0);
  if (!trace.parent_id.empty()) flags |= kParentIsRemote;
  append_head(json,
              {.trace_id = trace.trace_id,
               .span_id = trace.span_id,
               .parent_id = trace.parent_id,
               .state = trace.state,
               .flags = flags,
               .kind = kServerKind,
               .began = exchange.began,
               .ended = exchange.ended},
              exchange, exchange.route, now);
  {
    Attributes attributes(json);
    append_method(attributes, exchange.method);
    attributes.text("url.scheme", scheme_of(exchange));
    const auto [path, query] = parts_of_target(exchange.target);
    attributes.text("url.path", path);
    if (query.size() > 1) attributes.text("url.query", without_secrets(query.substr(1)));
    attributes.text("http.route", exchange.route);
    if (exchange.status != 0) {
      attributes.number("http.response.status_code", static_cast<std::uint64_t>(exchange.status));
    }
    append_address(attributes, "server.address", "server.port", exchange.host);
    attributes.text("client.address", exchange.client);
    attributes.text("network.peer.address", exchange.peer);
    attributes.text("network.protocol.name", "http");
    attributes.text("network.protocol.version", version_number(exchange.version));
    attributes.text("user_agent.original", exchange.user_agent);
    attributes.number("http.request.body.size", exchange.request_body);
    attributes.number("http.response.body.size", exchange.response_body);
    attributes.texts("http.request.header.x-request-id", exchange.request_id);
    attributes.text("onehop.outcome", text_of(exchange.outcome));
    if (is_failure(exchange)) append_error_type(attributes, exchange.failure, exchange.status);
  }
  append_events(json,
                {{"request head received", exchange.head_received},
                 {"connection available", exchange.upstream_chosen},
                 {"request sent", exchange.request_sent},
                 {"response head received", exchange.response_began}},
                now);
  if (is_failure(exchange)) append_status(json, message_of(exchange.failure));
  json += '}';
}

// The last attempt ends with the exchange. A failure of the exchange on the upstream's side is then
// also that of the attempt.
void append_client_span(std::string& json,
                        const ExchangeRecord& exchange,
                        const TraceAttempt& attempt,
                        std::size_t number,
                        const TwoClocks& now) {
  const Trace& trace = *exchange.trace;
  const bool is_last = attempt.next == nullptr;
  std::optional<Error> failure = attempt.failure;
  if (!failure && is_last && exchange.failure && exchange.failure->side() == Side::upstream) {
    failure = exchange.failure;
  }
  append_head(json,
              {.trace_id = trace.trace_id,
               .span_id = {attempt.span_id.data(), attempt.span_id.size()},
               .parent_id = trace.span_id,
               .state = trace.state,
               .flags = kParentIsKnown | (trace.sampled ? kSampledFlag : 0),
               .kind = kClientKind,
               .began = attempt.began,
               .ended = attempt.failed != Time{} ? attempt.failed : exchange.ended},
              exchange, {}, now);
  const bool is_error = failure || attempt.status >= kClientError;
  {
    Attributes attributes(json);
    append_method(attributes, exchange.method);
    const std::string_view url = attempt.url;
    const auto [before, query] = path_and_query(url);
    attributes.text("url.full", query.empty() ? std::string(url)
                                              : std::string(before) + "?" + without_secrets(query));
    if (const auto parsed = Url::parse(url)) {
      attributes.text("server.address", parsed->host());
      if (parsed->port() != 0) attributes.number("server.port", parsed->port());
    }
    append_address(attributes, "network.peer.address", "network.peer.port", attempt.upstream);
    attributes.text("network.protocol.name", "http");
    if (attempt.connected != Time{}) {
      attributes.text("network.protocol.version", version_number(attempt.version));
    }
    if (attempt.status != 0) {
      attributes.number("http.response.status_code", static_cast<std::uint64_t>(attempt.status));
    }
    if (number > 0) attributes.number("http.request.resend_count", number);
    if (is_error) append_error_type(attributes, failure, attempt.status);
  }
  append_events(json,
                {{attempt.reused ? "connection reused" : "connected", attempt.connected},
                 {"request sent", attempt.request_sent},
                 {"response head received", attempt.response_began}},
                now);
  if (is_error) append_status(json, message_of(failure));
  json += '}';
}

}  // namespace

bool is_failure(const ExchangeRecord& exchange) noexcept {
  if (exchange.status >= kServerError) return true;
  if (exchange.outcome == Outcome::client_gone) return false;
  return exchange.failure && exchange.failure->side() != Side::client;
}

std::size_t count_spans(const ExchangeRecord& exchange) noexcept {
  std::size_t spans = 1;
  for (const auto* attempt = exchange.trace->first_attempt; attempt; attempt = attempt->next)
    ++spans;
  return spans;
}

std::size_t append_spans(std::string& json, const ExchangeRecord& exchange, const TwoClocks& now) {
  append_server_span(json, exchange, now);
  std::size_t attempts = 0;
  for (const TraceAttempt* attempt = exchange.trace->first_attempt; attempt != nullptr;
       attempt = attempt->next) {
    json += ',';
    append_client_span(json, exchange, *attempt, attempts++, now);
  }
  return 1 + attempts;
}

std::string resource_attributes(std::string_view instance) {
  std::string json;
  {
    std::string list;
    {
      Attributes attributes(list);
      attributes.text("service.name", "onehop");
      attributes.text("service.version", library_version());
      attributes.text("service.instance.id", instance);
    }
    json = "{" + list.substr(1) + "}";
  }
  return json;
}

std::string export_request(std::string_view resource, std::string_view spans) {
  std::string json = "{\"resourceSpans\":[{\"resource\":";
  json.append(resource).append(",\"scopeSpans\":[{\"scope\":{\"name\":\"onehop\",\"version\":");
  append_json_string(json, library_version());
  json.append("},\"spans\":[").append(spans).append("]}]}]}");
  return json;
}

}  // namespace onehop::observe
