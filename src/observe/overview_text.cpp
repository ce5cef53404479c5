// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_text.hpp"

#include "observe/endpoint_tables.hpp"
#include "observe/overview_figures.hpp"
#include "observe/overview_tables.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace onehop::observe {
namespace {

using Line = std::vector<std::string>;

// The maximum number of endpoints listed for each upstream, which fit on a terminal.
constexpr std::size_t kMaxListed = 20;

// Returns the number of UTF-8 characters; each counts as one column.
std::size_t width_of(std::string_view text) {
  constexpr unsigned kContinuation = 0x80;
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != kContinuation; }));
}

std::string padded(const std::string& text, std::size_t width, bool to_the_right) {
  const std::string blanks(width - std::min(width, width_of(text)), ' ');
  return to_the_right ? blanks + text : text + blanks;
}

std::vector<Line> lines_of(const OverviewTable& table) {
  std::vector<Line> lines(1);
  for (const OverviewColumn& column : table.columns)
    lines.front().emplace_back(column.name);
  for (const auto& row : table.rows) {
    Line& line = lines.emplace_back();
    for (const OverviewCell& cell : row)
      line.push_back(cell.second.empty() ? cell.text : cell.text + " (" + cell.second + ")");
  }
  return lines;
}

std::string table_text(const OverviewTable& table) {
  std::string text = "\n" + table.title;
  if (!table.note.empty()) text += ": " + table.note;
  text += "\n";
  if (table.rows.empty()) return text + "  " + std::string(table.empty) + "\n";
  const std::vector<Line> lines = lines_of(table);
  std::vector<std::size_t> widths(table.columns.size());
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], width_of(line[i]));
  }
  for (const Line& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i)
      row += "  " + padded(line[i], widths[i], table.columns[i].style.starts_with('n'));
    text += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

void append_pair(std::string& text, std::string_view name, const std::string& value) {
  constexpr std::size_t kNameWidth = 38;
  text += "  " + padded(std::string(name), kNameWidth, false) + value + "\n";
}

}  // namespace

std::string overview_text(const Overview& overview) {
  std::string text = "onehop: " + std::string(condition_of(overview)) + "\n";
  for (const auto& [is_urgent, problem] : overview.problems)
    text += (is_urgent ? "  URGENT: " : "  warning: ") + visible_text(problem) + "\n";
  for (const auto& [name, value] : overview_facts(overview))
    append_pair(text, name, value);
  text += "\nSince the start\n";
  for (const auto& [name, value] : overview_totals(overview))
    append_pair(text, name, value);
  text += "\nResources\n";
  for (const OverviewMeter& meter : overview_meters(overview))
    append_pair(text, meter.name, meter.text);
  for (const OverviewTable& table : endpoint_tables(overview, kMaxListed))
    text += table_text(table);
  for (const OverviewTable& table : overview_tables(overview))
    text += table_text(table);
  return text;
}

std::string requests_text(const Overview& overview) {
  std::string text;
  for (const OverviewTable& table : overview_tables(overview)) {
    if (table.id == "requests" || table.id == "tunnels") text += table_text(table);
  }
  return text.substr(1);  // without the empty line at the beginning
}

}  // namespace onehop::observe
