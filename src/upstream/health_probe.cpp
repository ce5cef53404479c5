// SPDX-License-Identifier: Apache-2.0
#include "upstream/health_probe.hpp"

#include <onehop/scope.hpp>

#include "net/custom_dialer.hpp"
#include "net/name_servers.hpp"
#include "transport/destinations.hpp"
#include "transport/transport_access.hpp"

#include <string_view>
#include <utility>

namespace onehop::upstream {
namespace {

using Kind = Upstream::HealthCheck::Kind;

// The maximum size of the response to a gRPC check, which normally has a few bytes.
constexpr std::size_t kMaxAnswer = 1024;

// Each check opens and closes a connection. It neither waits for one nor retries.
Transport::Options for_checks(const Upstream::HealthCheck& check, Transport::Options options) {
  options.pool_size = 0;
  options.max_connection_requests = 1;  // also applies to HTTP/2
  options.connect_timeout = check.timeout;
  options.response_timeout = check.timeout;
  options.activity_timeout = check.timeout;
  options.hold = Transport::Duration::zero();
  options.retry_budget = 0.0;
  options.max_connections = no_limit;
  return options;
}

// A single place, tried once.
class OnePlace final : public transport::Destinations {
 public:
  explicit OnePlace(const Endpoint& endpoint) noexcept : endpoint_(endpoint) {}

  bool next(Request&) override { return !std::exchange(was_asked_, true); }
  bool has_next() const noexcept override { return false; }
  bool begin_again() noexcept override { return false; }
  std::string_view connect_address() const noexcept override { return endpoint_.connect_address; }
  transport::EndpointUse take_use() noexcept override { return {}; }
  void on_failure(const Error&, bool) noexcept override {}
  bool on_response(Response&) override { return false; }

 private:
  const Endpoint& endpoint_;
  bool was_asked_ = false;
};

CheckResult down(std::string reason) {
  return {.found = Condition::down, .reason = std::move(reason)};
}

CheckResult down(const Error& error) {
  return down(error.to_string());
}

// gRPC needs HTTP/2: without TLS, by prior knowledge.
Url grpc_url(const Url& endpoint) {
  if (endpoint.scheme() != "http") return endpoint;
  return Url::parse("h2c://" + std::string(endpoint.authority())).value_or(endpoint);
}

Url with_path(Url url, std::string_view path) {
  // An invalid path is ignored: the check requests "/".
  if (auto target = Url::parse_target(path)) return target->resolved_below(url);
  return url;
}

// Appends a number in protobuf's format: seven bits per byte, the lowest first.
void append_varint(std::string& out, std::size_t number) {
  for (; number >= 128; number >>= 7U)
    out += static_cast<char>(number | 128U);
  out += static_cast<char>(number);
}

// Returns the message grpc.health.v1.HealthCheckRequest, whose only field is the text `service`,
// after the five-byte prefix of each gRPC message.
std::string grpc_question(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';
    append_varint(message, service.size());
    message += service;
  }
  std::string framed(1, '\0');
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    framed += static_cast<char>(message.size() >> shift);
  return framed + message;
}

// Returns the status, which is the first field of HealthCheckResponse, or 0 if there is none.
int status_in(std::string_view framed) {
  constexpr std::size_t kPrefix = 5;
  constexpr char kStatusField = 0x08;
  if (framed.size() < kPrefix + 2 || framed[0] != 0 || framed[kPrefix] != kStatusField) return 0;
  return framed[kPrefix + 1];
}

std::string_view word_for(int status) {
  constexpr std::string_view kWords[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  const auto index = static_cast<std::size_t>(status);
  return index < std::size(kWords) ? kWords[index] : kWords[0];
}

}  // namespace

HealthProbe::HealthProbe(Upstream::HealthCheck check, const Transport::Options& of_requests)
    : check_(std::move(check)),
      transport_(for_checks(check_, of_requests)),
      dialer_(of_requests.dialer),
      name_servers_(net::list_of_name_servers(of_requests.dns_servers)) {}

task<CheckResult> HealthProbe::check(const Endpoint& endpoint) const {
  switch (check_.kind) {
    case Kind::none:
      break;
    case Kind::tcp:
      co_return co_await connect(endpoint);
    case Kind::http:
      co_return co_await get(endpoint);
    case Kind::grpc:
      co_return co_await call(endpoint);
  }
  co_return CheckResult();
}

task<CheckResult> HealthProbe::connect(const Endpoint& endpoint) const {
  net::Destination destination(std::string(endpoint.url.socket_path()));
  if (endpoint.url.scheme() != "unix") {
    destination = net::Destination(std::string(endpoint.url.host()), endpoint.url.port());
    destination.connect_address = endpoint.connect_address;
  }
  std::unique_ptr<net::Dialer> dialer;
  if (dialer_) {
    dialer = std::make_unique<net::CustomDialer>(dialer_, check_.timeout);
  } else {
    net::DialOptions options;
    options.attempt_timeout = check_.timeout;
    options.total_timeout = check_.timeout;
    options.name_servers = name_servers_;
    dialer = std::make_unique<net::KernelDialer>(io::Reactor::current(), std::move(options));
  }
  const auto dialled = co_await dialer->dial(destination);
  co_return dialled ? CheckResult() : down(dialled.error());
}

task<Result<Response>> HealthProbe::ask(const Endpoint& endpoint, Request request) const {
  return transport::round_trip(detail::TransportAccess::pools(transport_), std::move(request),
                               std::make_unique<OnePlace>(endpoint));
}

task<CheckResult> HealthProbe::get(const Endpoint& endpoint) const {
  Request request(Method::get, with_path(endpoint.url, check_.path));
  request.set_host(check_.host.empty() ? endpoint.url.authority() : std::string_view(check_.host));
  request.headers().set("User-Agent", "onehop-health");
  auto asked = with_timeout(check_.timeout, ask(endpoint, std::move(request)));
  const auto response = co_await std::move(asked);
  if (!response) co_return down(response.error());
  const int status = response->status().code();
  if (status >= 200 && status < 400) co_return CheckResult();
  const bool is_leaving = status == 503 && response->headers().has_token("Connection", "close");
  if (is_leaving) co_return CheckResult{.found = Condition::leaving};
  co_return down("status " + std::to_string(status));
}

task<CheckResult> HealthProbe::call(const Endpoint& endpoint) const {
  const Url url = with_path(grpc_url(endpoint.url), "/grpc.health.v1.Health/Check");
  Request request(Method::post, url);
  request.set_host(check_.host.empty() ? url.authority() : std::string_view(check_.host));
  request.headers().set("Content-Type", "application/grpc");
  request.headers().set("TE", "trailers");
  request.set_body(Body::of(grpc_question(check_.service)));
  auto asked = with_timeout(check_.timeout, ask(endpoint, std::move(request)));
  auto response = co_await std::move(asked);
  if (!response) co_return down(response.error());
  if (response->status() != 200) {
    co_return down("status " + std::to_string(response->status().code()));
  }
  auto reading = with_timeout(check_.timeout, response->body().read_all(kMaxAnswer));
  const auto content = co_await std::move(reading);
  if (!content) co_return down(content.error());
  const int status = status_in(*content);
  if (status == 1) co_return CheckResult();
  // A response without messages may have grpc-status in its only head.
  const std::string_view at_end = response->body().trailers().get_or_empty("grpc-status");
  const std::string_view code =
      at_end.empty() ? response->headers().get_or_empty("grpc-status") : at_end;
  if (content->empty() && !code.empty()) co_return down("grpc-status " + std::string(code));
  co_return down(std::string(word_for(status)));
}

}  // namespace onehop::upstream
