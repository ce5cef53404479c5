// SPDX-License-Identifier: Apache-2.0
//
// The content of an Overview as tables and pairs of text, for its forms without a script: the HTML
// that the dashboard begins with, and plain text. Texts of peers are visible_text(), not escaped
// for HTML.
// Thread: any.
#pragma once

#include "observe/overview.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

enum class Tone : std::uint8_t { plain, ok, warn, bad, idle };

struct OverviewCell {
  std::string text;
  std::string second = {};  // of less importance
  Tone tone = Tone::plain;
  bool is_health = false;  // the tone has a mark too
};

struct OverviewColumn {
  std::string_view name;
  std::string_view style;  // the classes of its cells in the page
};

struct OverviewTable {
  std::string_view id;  // as in the page
  std::string title;
  std::string note;            // beside the title
  std::string_view empty;      // a sentence instead of rows
  bool has_row_names = false;  // the first column names the row
  std::span<const OverviewColumn> columns;
  std::vector<std::vector<OverviewCell>> rows;
};

struct OverviewPair {
  std::string_view name;
  std::string text;
};

struct OverviewMeter {
  std::string_view name;
  std::string text;
  double share = 0;  // of the limit, 0 to 1
  bool has_limit = false;
  Tone tone = Tone::plain;
};

// "Serving", "Needs attention", "Draining"
std::string_view condition_of(const Overview& overview) noexcept;
Tone condition_tone(const Overview& overview) noexcept;
std::vector<OverviewPair> overview_facts(const Overview& overview);
std::vector<OverviewPair> overview_totals(const Overview& overview);
std::vector<OverviewMeter> overview_meters(const Overview& overview);
// In the order of the page; those of endpoints, which come before them, are in endpoint_tables.hpp.
std::vector<OverviewTable> overview_tables(const Overview& overview);

}  // namespace onehop::observe
