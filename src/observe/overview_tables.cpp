// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_tables.hpp"

#include "observe/overview_figures.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace onehop::observe {
namespace {

using Cells = std::vector<OverviewCell>;

constexpr std::string_view kBetween = " \xc2\xb7 ";  // names in one line

constexpr std::array<OverviewColumn, 10> kUpstreamColumns = {{{"Address", "m w"},
                                                              {"Health", "k i"},
                                                              {"In flight", "n"},
                                                              {"Requests", "n"},
                                                              {"Rate", "n"},
                                                              {"Connect p50 / p99", "n"},
                                                              {"Wait p50 / p99", "n"},
                                                              {"Failures", "s i"},
                                                              {"Connections", "n i"},
                                                              {"Last failure", "w i"}}};
constexpr std::array<OverviewColumn, 9> kRequestColumns = {{{"Age", "n"},
                                                            {"Phase", "k i"},
                                                            {"Request", "m w"},
                                                            {"Client", "m"},
                                                            {"Route", "m"},
                                                            {"Upstream", "m"},
                                                            {"In", "n"},
                                                            {"Out", "n"},
                                                            {"Protocol", "k"}}};
constexpr std::array<OverviewColumn, 8> kFailureColumns = {{{"Time (UTC)", "k"},
                                                            {"Status", "n"},
                                                            {"Request", "m w"},
                                                            {"Side", "k"},
                                                            {"Reason", "s"},
                                                            {"Route", "m"},
                                                            {"Upstream", "m"},
                                                            {"Duration", "n"}}};
constexpr std::array<OverviewColumn, 3> kLimitColumns = {
    {{"Limit", "m w"}, {"Hits", "n"}, {"Ago", "n"}}};
constexpr std::array<OverviewColumn, 2> kCertificateColumns = {
    {{"Names", "m w"}, {"Expires", "k"}}};
constexpr std::array<OverviewColumn, 4> kWorkerColumns = {
    {{"Worker", "n"}, {"Requests", "n"}, {"Loop p99", "n"}, {"Longest", "n"}}};

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts)
    all += (all.empty() ? "" : ", ") + text;
  return visible_text(all);
}

std::string quantiles_figure(const Overview::Quantiles& quantiles) {
  if (!quantiles.p50 && !quantiles.p99) return std::string(kNoFigure);
  return duration_figure(quantiles.p50) + " / " + duration_figure(quantiles.p99);
}

// Returns method, host and path, with a mark for the query, which may contain secrets.
template <class Row>
std::string request_text(const Row& row) {
  return visible_text(row.method + " " + row.host + row.path) +
         (row.query.empty() ? "" : "?\xe2\x80\xa6");
}

OverviewCell health_cell(const Overview::Upstream& upstream, Overview::Time now) {
  // In the order of the enumerators.
  constexpr std::array<Tone, 4> kTones = {Tone::idle, Tone::ok, Tone::bad, Tone::warn};
  return {.text = std::string(health_word(upstream.health)),
          .second = upstream.since ? whole_seconds_figure(now - *upstream.since) : "",
          .tone = kTones[static_cast<std::size_t>(upstream.health)],
          .is_health = true};
}

std::string reasons_text(const Overview::Upstream& upstream) {
  std::string text;
  for (const auto& [reason, count] : upstream.reasons)
    text += (text.empty() ? "" : ", ") + reason + " " + count_figure(count);
  return text;
}

OverviewCell connections_cell(const Overview::Upstream& upstream) {
  if (!upstream.connections_open) return {std::string(kNoFigure)};
  return {count_figure(*upstream.connections_open),
          count_figure(upstream.connections_idle.value_or(0)) + " idle"};
}

// Returns the names that distinguish an address from others: "api · http://10.0.0.1:8000".
std::string whose(const Overview::Upstream& upstream, const Overview& overview) {
  const bool names_upstream = std::ranges::any_of(
      overview.upstreams,
      [&upstream](const Overview::Upstream& other) { return other.upstream != upstream.upstream; });
  std::string text = names_upstream ? visible_text(upstream.upstream) : "";
  if (overview.state.backends.size() > 1 && !upstream.backend.empty())
    text.append(text.empty() ? "" : kBetween).append(visible_text(upstream.backend));
  return text;
}

Cells upstream_cells(const Overview::Upstream& upstream, const Overview& overview) {
  const auto& failed_at = upstream.last_failure_at;
  return {{visible_text(upstream.address), whose(upstream, overview)},
          health_cell(upstream, overview.time),
          {count_figure(upstream.in_flight)},
          {count_figure(upstream.requests)},
          {std::string(kNoFigure)},
          {quantiles_figure(upstream.connect)},
          {quantiles_figure(upstream.wait)},
          {count_figure(upstream.failures), reasons_text(upstream)},
          connections_cell(upstream),
          {or_dash(visible_text(upstream.last_failure)),
           failed_at ? ago_figure(*failed_at, overview.time) : ""}};
}

Cells request_cells(const Overview::Request& request) {
  const bool is_later = request.phase_age && *request.phase_age < request.age;
  return {{duration_figure(request.age)},
          {request.phase, is_later ? duration_figure(request.phase_age) : ""},
          {request_text(request)},
          {visible_text(request.client)},
          {or_dash(visible_text(request.route))},
          {or_dash(visible_text(request.upstream))},
          {size_figure(request.bytes_in)},
          {size_figure(request.bytes_out)},
          {visible_text(request.protocol)}};
}

// Returns "10.0.0.7 · HTTP/1.1 · id 7f3a · trace 4bf9...".
std::string origin_text(const Overview::Failure& failed) {
  std::string text =
      visible_text(failed.client).append(kBetween).append(visible_text(failed.protocol));
  if (!failed.request_id.empty())
    text.append(kBetween).append("id ").append(visible_text(failed.request_id));
  if (!failed.trace_id.empty())
    text.append(kBetween).append("trace ").append(visible_text(failed.trace_id));
  return text;
}

Cells failure_cells(const Overview::Failure& failed) {
  const bool was_retried = failed.attempts > 1;
  return {{clock_figure(failed.at)},
          {failed.status == 0 ? std::string(kNoFigure) : std::to_string(failed.status)},
          {request_text(failed), origin_text(failed)},
          {failed.side, failed.phase == "none" ? "" : failed.phase},
          {failed.reason, visible_text(failed.detail)},
          {or_dash(visible_text(failed.route))},
          {or_dash(visible_text(failed.upstream)),
           was_retried ? std::to_string(failed.attempts) + " attempts" : ""},
          {duration_figure(failed.duration)}};
}

OverviewCell expiry_cell(Overview::Time not_after, Overview::Time now) {
  constexpr int kUrgentDays = 7;
  constexpr int kFewDays = 21;
  const auto days = std::chrono::floor<std::chrono::days>(not_after - now).count();
  std::string text = "in " +
                     count_figure(static_cast<std::uint64_t>(std::max<std::int64_t>(days, 0))) +
                     (days == 1 ? " day" : " days");
  if (days < 0) text = "expired";
  const Tone tone = days < kUrgentDays ? Tone::bad : days < kFewDays ? Tone::warn : Tone::plain;
  return {.text = text, .second = date_figure(not_after), .tone = tone};
}

Cells certificate_cells(const Overview::Certificate& certificate, Overview::Time now) {
  constexpr std::size_t kShown = 23;  // eight bytes
  const std::string fingerprint =
      "SHA-256 " + certificate.sha256.substr(0, kShown) + "\xe2\x80\xa6";
  OverviewCell expiry = expiry_cell(certificate.not_after, now);
  if (certificate.renewal.empty())
    return {{joined(certificate.names), fingerprint}, std::move(expiry)};
  // A certificate by ACME may live for only a week, so its tone does not depend on the days left.
  expiry.tone = certificate.concern == Overview::Concern::error     ? Tone::bad
                : certificate.concern == Overview::Concern::warning ? Tone::warn
                                                                    : Tone::plain;
  return {{joined(certificate.names), visible_text(certificate.renewal)}, std::move(expiry)};
}

// Returns "12", or "the 50 oldest of 1,234".
std::string note_of(std::size_t rows, std::uint64_t all, std::string_view which) {
  if (rows >= all) return count_figure(all);
  return "the " + count_figure(rows) + " " + std::string(which) + " of " + count_figure(all);
}

OverviewTable upstream_table(const Overview& overview) {
  OverviewTable table{.id = "upstreams",
                      .title = "Upstreams",
                      .note = count_figure(overview.upstreams.size()),
                      .empty = "No request was sent to an upstream yet.",
                      .has_row_names = true,
                      .columns = kUpstreamColumns,
                      .rows = {}};
  const auto down =
      std::ranges::count(overview.upstreams, Overview::Health::down, &Overview::Upstream::health);
  if (down > 0) table.note += ", " + count_figure(static_cast<std::uint64_t>(down)) + " down";
  for (const auto& upstream : overview.upstreams)
    table.rows.push_back(upstream_cells(upstream, overview));
  return table;
}

OverviewTable request_table(std::string_view id,
                            std::string_view title,
                            std::string_view empty,
                            const std::vector<Overview::Request>& requests,
                            std::uint64_t all,
                            std::uint64_t silent_workers) {
  OverviewTable table{.id = id,
                      .title = std::string(title),
                      .note = note_of(requests.size(), all, "oldest"),
                      .empty = empty,
                      .columns = kRequestColumns,
                      .rows = {}};
  if (silent_workers > 0) {
    table.note += "; " + count_figure(silent_workers) +
                  (silent_workers == 1 ? " worker has" : " workers have") + " not answered";
  }
  for (const auto& request : requests)
    table.rows.push_back(request_cells(request));
  return table;
}

OverviewTable failure_table(const Overview& overview) {
  const Overview::Totals& totals = overview.totals;
  OverviewTable table{
      .id = "failures",
      .title = "Last failures",
      .note = note_of(overview.failures.size(),
                      totals.failures_client + totals.failures_upstream + totals.failures_proxy,
                      "latest"),
      .empty = "Nothing has failed since the start.",
      .columns = kFailureColumns,
      .rows = {}};
  for (const auto& failed : overview.failures)
    table.rows.push_back(failure_cells(failed));
  return table;
}

OverviewTable limit_table(const Overview& overview) {
  OverviewTable table{.id = "limits",
                      .title = "Limits hit in the last hour",
                      .note = {},
                      .empty = "No limit was hit.",
                      .has_row_names = true,
                      .columns = kLimitColumns,
                      .rows = {}};
  for (const auto& hit : overview.limits) {
    table.rows.push_back({{hit.name, hit.what},
                          {count_figure(hit.hits)},
                          {whole_seconds_figure(overview.time - hit.last)}});
  }
  return table;
}

OverviewTable certificate_table(const Overview& overview) {
  OverviewTable table{.id = "certificates",
                      .title = "Certificates",
                      .note = {},
                      .empty = "No listener uses TLS.",
                      .has_row_names = true,
                      .columns = kCertificateColumns,
                      .rows = {}};
  for (const auto& certificate : overview.certificates)
    table.rows.push_back(certificate_cells(certificate, overview.time));
  return table;
}

OverviewTable worker_table(const Overview& overview) {
  OverviewTable table{.id = "workers",
                      .title = "Workers",
                      .note = {},
                      .empty = "No worker has reported yet.",
                      .has_row_names = true,
                      .columns = kWorkerColumns,
                      .rows = {}};
  for (const auto& worker : overview.workers) {
    table.rows.push_back({{std::to_string(table.rows.size())},
                          {count_figure(worker.requests)},
                          {duration_figure(worker.pass_p99)},
                          {duration_figure(worker.longest_pass)}});
  }
  return table;
}

OverviewMeter meter(std::string_view name,
                    const std::optional<Overview::Level>& known,
                    std::string (*figure)(std::uint64_t)) {
  if (!known) return {.name = name, .text = std::string(kNoFigure)};
  const Overview::Level& level = *known;
  constexpr double kHigh = 0.8;
  constexpr double kFull = 0.95;
  OverviewMeter made{.name = name, .text = figure(level.used), .has_limit = level.limit > 0};
  if (!made.has_limit) return made;
  made.text += " of " + figure(level.limit);
  made.share = std::min(static_cast<double>(level.used) / static_cast<double>(level.limit), 1.0);
  made.tone = made.share > kFull ? Tone::bad : made.share > kHigh ? Tone::warn : Tone::plain;
  return made;
}

}  // namespace

std::string_view condition_of(const Overview& overview) noexcept {
  if (overview.state.activity == Overview::Activity::draining) return "Draining";
  return overview.problems.empty() ? "Serving" : "Needs attention";
}

Tone condition_tone(const Overview& overview) noexcept {
  if (std::ranges::any_of(overview.problems, &Overview::Problem::is_urgent)) return Tone::bad;
  const bool is_well =
      overview.problems.empty() && overview.state.activity == Overview::Activity::serving;
  return is_well ? Tone::ok : Tone::warn;
}

std::vector<OverviewPair> overview_facts(const Overview& overview) {
  const Overview::State& state = overview.state;
  std::vector<OverviewPair> facts = {
      {"Version", state.version},
      {"Generation", count_figure(state.generations.own)},
      {"Process", std::to_string(state.pid)},
      {"Up", state.started ? whole_seconds_figure(overview.time - *state.started)
                           : std::string(kNoFigure)},
      {"Listening on", joined(state.listeners)},
      {"Backend", joined(state.backends)},
      {"Configuration", visible_text(state.configuration)},
      {"Loaded", ago_figure(state.configured, overview.time)},
  };
  for (const EarlierProcess& one : state.generations.earlier)
    facts.push_back({"Earlier process", text_of(one)});
  if (!state.landlock.empty()) facts.push_back({"Landlock", state.landlock});
  if (!state.reload_message.empty())
    facts.push_back({"Last reload", visible_text(state.reload_message)});
  if (state.drain_ends) {
    facts.push_back({"Drain ends in",
                     duration_figure(std::max(Overview::Duration(*state.drain_ends - overview.time),
                                              Overview::Duration::zero()))});
  }
  return facts;
}

std::vector<OverviewPair> overview_totals(const Overview& overview) {
  const Overview::Totals& totals = overview.totals;
  return {{"Requests", count_figure(totals.requests)},
          {"Failures: client", count_figure(totals.failures_client)},
          {"Failures: upstream", count_figure(totals.failures_upstream)},
          {"Failures: proxy", count_figure(totals.failures_proxy)},
          {"Request bodies", size_figure(totals.request_body_bytes)},
          {"Response bodies", size_figure(totals.response_body_bytes)},
          {"Tunnels, in / out",
           size_figure(totals.tunnel_bytes_in) + " / " + size_figure(totals.tunnel_bytes_out)},
          {"Connections accepted", count_figure(totals.connections_accepted)},
          {"Connections open", count_figure(totals.connections_open)}};
}

std::vector<OverviewMeter> overview_meters(const Overview& overview) {
  std::optional<Overview::Level> resident;
  if (overview.resident_bytes) resident = {.used = *overview.resident_bytes, .limit = 0};
  return {meter("Memory held for clients and upstreams", overview.memory, size_figure),
          meter("File descriptors", overview.descriptors, count_figure),
          meter("Resident memory", resident, size_figure)};
}

std::vector<OverviewTable> overview_tables(const Overview& overview) {
  return {upstream_table(overview),
          request_table("requests", "In flight", "No request is in flight.", overview.requests,
                        overview.totals.requests_in_flight, overview.silent_workers),
          request_table("tunnels", "Tunnels", "No tunnel is open.", overview.tunnels,
                        overview.totals.tunnels_open, overview.silent_workers),
          failure_table(overview),
          limit_table(overview),
          certificate_table(overview),
          worker_table(overview)};
}

}  // namespace onehop::observe
