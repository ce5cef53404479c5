// SPDX-License-Identifier: Apache-2.0
#include "observe/endpoint_tables.hpp"

#include "observe/overview_figures.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace onehop::observe {
namespace {

constexpr std::array<OverviewColumn, 7> kColumns = {{{"Endpoint", "m w"},
                                                     {"State", "k i"},
                                                     {"Weight", "k i"},
                                                     {"In flight", "n"},
                                                     {"Requests", "n"},
                                                     {"Failures", "s i"},
                                                     {"Last failure", "w i"}}};

// Returns "2.5".
std::string weight_figure(double weight) {
  std::array<char, 32> room{};
  const auto [end, failed] =
      std::to_chars(room.data(), room.data() + room.size(), weight, std::chars_format::fixed);
  return failed == std::errc() ? std::string(room.data(), end) : std::string(kNoFigure);
}

// Returns "1 endpoint" or "12 endpoints".
std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return count_figure(count) + " " + std::string(count == 1 ? one : many);
}

OverviewCell state_cell(const BalancedUpstream::Endpoint& endpoint, Overview::Time now) {
  // In the order of the enumerators.
  constexpr std::array<Tone, 5> kTones = {Tone::ok, Tone::ok, Tone::bad, Tone::bad, Tone::warn};
  return {.text = std::string(to_string(endpoint.state)),
          .second = endpoint.since ? whole_seconds_figure(now - *endpoint.since) : "",
          .tone = kTones[static_cast<std::size_t>(endpoint.state)],
          .is_health = true};
}

std::vector<OverviewCell> cells_of(const BalancedUpstream::Endpoint& endpoint, Overview::Time now) {
  const auto& failed_at = endpoint.last_failure_at;
  return {
      {visible_text(endpoint.endpoint)},
      state_cell(endpoint, now),
      {weight_figure(endpoint.weight), endpoint.backup ? "backup" : ""},
      {count_figure(endpoint.in_flight)},
      {count_figure(endpoint.requests)},
      {count_figure(endpoint.failures),
       endpoint.ejections == 0 ? "" : counted(endpoint.ejections, "ejection", "ejections")},
      {or_dash(visible_text(endpoint.last_failure)), failed_at ? ago_figure(*failed_at, now) : ""}};
}

// Returns "least, sticky cookie; 3 endpoints: 2 up, 1 ejected".
std::string note_of(const BalancedUpstream& upstream, std::uint64_t left_out) {
  std::string note = visible_text(upstream.balance);
  if (!upstream.sticky.empty()) note += ", sticky " + visible_text(upstream.sticky);
  note += "; " + counted(upstream.total(), "endpoint", "endpoints");
  std::string_view before = ": ";
  for (std::size_t i = 0; i < upstream.states.size(); ++i) {
    if (upstream.states[i] == 0) continue;
    note.append(before).append(count_figure(upstream.states[i])).append(" ");
    note += to_string(static_cast<Upstream::State>(i));
    before = ", ";
  }
  if (left_out > 0) note += "; " + count_figure(left_out) + " not listed";
  return note;
}

}  // namespace

std::vector<OverviewTable> endpoint_tables(const Overview& overview, std::size_t max_rows) {
  std::vector<OverviewTable> tables;
  for (const BalancedUpstream& upstream : overview.balanced) {
    const std::size_t rows = std::min(upstream.endpoints.size(), max_rows);
    const std::uint64_t cut = upstream.endpoints.size() - rows;
    OverviewTable& table = tables.emplace_back(
        OverviewTable{.id = "endpoints",
                      .title = "Endpoints of " + visible_text(upstream.upstream),
                      .note = note_of(upstream, upstream.left_out + cut),
                      .empty = "No endpoint is known yet.",
                      .has_row_names = true,
                      .columns = kColumns,
                      .rows = {}});
    for (std::size_t i = 0; i < rows; ++i)
      table.rows.push_back(cells_of(upstream.endpoints[i], overview.time));
  }
  return tables;
}

}  // namespace onehop::observe
