// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_json.hpp"

#include "observe/overview_figures.hpp"

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace onehop::observe {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json seconds_or_null(const std::optional<T>& value) {
  return value ? Json(json_seconds(*value)) : Json(nullptr);
}

Json or_null(std::optional<std::uint64_t> value) {
  return value ? Json(*value) : Json(nullptr);
}

template <class T, class Form>
Json list_of(const std::vector<T>& rows, Form form) {
  Json list = Json::array();
  for (const T& row : rows)
    list.push_back(form(row));
  return list;
}

// Returns the query or, if queries are hidden, "?" for one that is not empty.
std::string query_of(const std::string& query, Queries queries) {
  return queries == Queries::shown || query.empty() ? query : "?";
}

Json earlier_process_json(const EarlierProcess& process) {
  return {{"requests_in_flight", process.requests}, {"connections_open", process.connections}};
}

Json state_json(const Overview::State& state) {
  const bool serves = state.activity == Overview::Activity::serving;
  return {{"version", state.version},
          {"pid", state.pid},
          {"generation", state.generations.own},
          {"earlier_processes", list_of(state.generations.earlier, &earlier_process_json)},
          {"started", seconds_or_null(state.started)},
          {"activity", serves ? "serving" : "draining"},
          {"drain_ends", seconds_or_null(state.drain_ends)},
          {"listeners", state.listeners},
          {"backends", state.backends},
          {"configuration", state.configuration},
          {"configured", json_seconds(state.configured)},
          {"landlock", state.landlock},
          {"reload_failed", state.reload_failed},
          {"reload_message", state.reload_message}};
}

Json problem_json(const Overview::Problem& problem) {
  return {{"is_urgent", problem.is_urgent}, {"text", problem.text}};
}

Json totals_json(const Overview::Totals& totals) {
  return {{"requests", totals.requests},
          {"failures_client", totals.failures_client},
          {"failures_upstream", totals.failures_upstream},
          {"failures_proxy", totals.failures_proxy},
          {"request_body_bytes", totals.request_body_bytes},
          {"response_body_bytes", totals.response_body_bytes},
          {"tunnel_bytes_in", totals.tunnel_bytes_in},
          {"tunnel_bytes_out", totals.tunnel_bytes_out},
          {"connections_accepted", totals.connections_accepted},
          {"requests_in_flight", totals.requests_in_flight},
          {"tunnels_open", totals.tunnels_open},
          {"connections_open", totals.connections_open}};
}

Json quantiles_json(const Overview::Quantiles& quantiles) {
  return {{"p50", seconds_or_null(quantiles.p50)}, {"p99", seconds_or_null(quantiles.p99)}};
}

Json endpoint_json(const BalancedUpstream::Endpoint& endpoint) {
  return {{"endpoint", endpoint.endpoint},
          {"state", to_string(endpoint.state)},
          {"since", seconds_or_null(endpoint.since)},
          {"weight", endpoint.weight},
          {"backup", endpoint.backup},
          {"in_flight", endpoint.in_flight},
          {"requests", endpoint.requests},
          {"failures", endpoint.failures},
          {"ejections", endpoint.ejections},
          {"last_failure", endpoint.last_failure},
          {"last_failure_at", seconds_or_null(endpoint.last_failure_at)}};
}

Json balanced_json(const BalancedUpstream& upstream) {
  Json states = Json::object();
  for (std::size_t i = 0; i < upstream.states.size(); ++i)
    states[to_string(static_cast<onehop::Upstream::State>(i))] = upstream.states[i];
  return {{"upstream", upstream.upstream},
          {"balance", upstream.balance},
          {"sticky", upstream.sticky},
          {"states", std::move(states)},
          {"endpoints", list_of(upstream.endpoints, endpoint_json)},
          {"left_out", upstream.left_out}};
}

Json upstream_json(const Overview::Upstream& upstream) {
  Json reasons = Json::object();
  for (const auto& [reason, count] : upstream.reasons)
    reasons[reason] = count;
  return {{"upstream", upstream.upstream},
          {"backend", upstream.backend},
          {"address", upstream.address},
          {"health", health_word(upstream.health)},
          {"since", seconds_or_null(upstream.since)},
          {"in_flight", upstream.in_flight},
          {"requests", upstream.requests},
          {"failures", upstream.failures},
          {"reasons", std::move(reasons)},
          {"connect", quantiles_json(upstream.connect)},
          {"wait", quantiles_json(upstream.wait)},
          {"connections_open", or_null(upstream.connections_open)},
          {"connections_idle", or_null(upstream.connections_idle)},
          {"last_failure", upstream.last_failure},
          {"last_failure_at", seconds_or_null(upstream.last_failure_at)}};
}

Json request_json(const Overview::Request& request, Queries queries) {
  return {{"id", request.id},
          {"client", request.client},
          {"method", request.method},
          {"host", request.host},
          {"path", request.path},
          {"query", query_of(request.query, queries)},
          {"protocol", request.protocol},
          {"route", request.route},
          {"upstream", request.upstream},
          {"phase", request.phase},
          {"age", json_seconds(request.age)},
          {"phase_age", seconds_or_null(request.phase_age)},
          {"bytes_in", request.bytes_in},
          {"bytes_out", request.bytes_out}};
}

Json failure_json(const Overview::Failure& failure, Queries queries) {
  return {{"id", failure.id},
          {"at", json_seconds(failure.at)},
          {"client", failure.client},
          {"method", failure.method},
          {"host", failure.host},
          {"path", failure.path},
          {"query", query_of(failure.query, queries)},
          {"protocol", failure.protocol},
          {"status", failure.status},
          {"route", failure.route},
          {"upstream_name", failure.upstream_name},
          {"upstream", failure.upstream},
          {"side", failure.side},
          {"phase", failure.phase},
          {"reason", failure.reason},
          {"detail", failure.detail},
          {"attempts", failure.attempts},
          {"duration", json_seconds(failure.duration)},
          {"request_id", failure.request_id},
          {"trace_id", failure.trace_id}};
}

Json certificate_json(const Overview::Certificate& certificate) {
  return {{"names", certificate.names},
          {"not_after", json_seconds(certificate.not_after)},
          {"sha256", certificate.sha256},
          {"renewal", certificate.renewal},
          {"concern", static_cast<int>(certificate.concern)}};
}

Json level_json(const Overview::Level& level) {
  return {{"used", level.used}, {"limit", level.limit}};
}

Json limit_json(const Overview::LimitHit& hit) {
  return {
      {"name", hit.name}, {"what", hit.what}, {"hits", hit.hits}, {"last", json_seconds(hit.last)}};
}

Json worker_json(const Overview::Worker& worker) {
  return {{"requests", worker.requests},
          {"pass_p99", seconds_or_null(worker.pass_p99)},
          {"longest_pass", json_seconds(worker.longest_pass)}};
}

}  // namespace

double json_seconds(Overview::Time time) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  return static_cast<double>(since.count()) / 1e3;
}

double json_seconds(Overview::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string overview_json(const Overview& overview, Queries queries) {
  const auto request = [queries](const Overview::Request& one) {
    return request_json(one, queries);
  };
  const auto failure = [queries](const Overview::Failure& one) {
    return failure_json(one, queries);
  };
  Json document = {
      {"time", json_seconds(overview.time)},
      {"monotonic", json_seconds(overview.monotonic)},
      {"state", state_json(overview.state)},
      {"problems", list_of(overview.problems, problem_json)},
      {"totals", totals_json(overview.totals)},
      {"duration",
       Json{{"bounds", overview.duration.bounds}, {"counts", overview.duration.counts}}},
      {"upstreams", list_of(overview.upstreams, upstream_json)},
      {"requests", list_of(overview.requests, request)},
      {"tunnels", list_of(overview.tunnels, request)},
      {"failures", list_of(overview.failures, failure)},
      {"certificates", list_of(overview.certificates, certificate_json)},
      {"memory", level_json(overview.memory)},
      {"resident_bytes", or_null(overview.resident_bytes)},
      {"descriptors", overview.descriptors ? level_json(*overview.descriptors) : Json(nullptr)},
      {"limits", list_of(overview.limits, limit_json)},
      {"workers", list_of(overview.workers, worker_json)},
      {"silent_workers", overview.silent_workers},
  };
  // Left out for a proxy without balanced upstreams.
  if (!overview.balanced.empty()) document["balanced"] = list_of(overview.balanced, balanced_json);
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace onehop::observe
