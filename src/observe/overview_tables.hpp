// SPDX-License-Identifier: Apache-2.0
//
// Formats an Overview as tables and pairs of text, for the initial HTML of the dashboard and for
// plain text. Texts of peers are passed through visible_text() but not escaped for HTML.
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
  std::string second = {};  // a less important text after it
  Tone tone = Tone::plain;
  bool is_health = false;  // the tone is shown with a mark
};

struct OverviewColumn {
  std::string_view name;
  std::string_view style;  // the CSS classes of its cells
};

struct OverviewTable {
  std::string_view id;  // as in the page
  std::string title;
  std::string note;            // beside the title
  std::string_view empty;      // a sentence, if there are no rows
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
// Returns the tables in the order of the page. The tables of endpoints precede them
// (endpoint_tables.hpp).
std::vector<OverviewTable> overview_tables(const Overview& overview);

}  // namespace onehop::observe
