// SPDX-License-Identifier: Apache-2.0
#include "observe/dashboard_page.hpp"

#include "http/html_text.hpp"
#include "observe/dashboard_html.hpp"
#include "observe/endpoint_tables.hpp"
#include "observe/overview_figures.hpp"
#include "observe/overview_tables.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <vector>

namespace onehop::observe {
namespace {

constexpr std::string_view kTemplate(embedded::kPage, std::size(embedded::kPage));

std::string_view name_of(Tone tone) {
  constexpr std::array<std::string_view, 5> kNames = {"", "ok", "warn", "bad", "idle"};
  return kNames[static_cast<std::size_t>(tone)];
}

// Returns ` class="..."`, or "" without names.
std::string class_attribute(std::string_view names) {
  return names.empty() ? "" : " class=\"" + std::string(names) + "\"";
}

std::string cell_html(const OverviewCell& cell, const OverviewColumn& column, bool names_row) {
  const std::string tone = (cell.is_health ? "health " : "") + std::string(name_of(cell.tone));
  std::string html = names_row ? "<th scope=\"row\" role=\"rowheader\"" : "<td role=\"cell\"";
  html += class_attribute(column.style) + " data-label=\"" + std::string(column.name) + "\"><span" +
          class_attribute(tone) + ">" + html_escaped(cell.text) + "</span>";
  if (!cell.second.empty()) html += " <small>" + html_escaped(cell.second) + "</small>";
  return html + (names_row ? "</th>" : "</td>");
}

std::string rows_html(const OverviewTable& table) {
  if (table.rows.empty()) {
    return "<tr class=\"none\"><td class=\"w\" colspan=\"" + std::to_string(table.columns.size()) +
           "\">" + std::string(table.empty) + "</td></tr>";
  }
  std::string html;
  for (const auto& row : table.rows) {
    const bool is_down = std::ranges::any_of(
        row, [](const OverviewCell& cell) { return cell.is_health && cell.tone == Tone::bad; });
    html += std::string("<tr role=\"row\"") + (is_down ? " class=\"down\">" : ">");
    for (std::size_t i = 0; i < row.size(); ++i)
      html += cell_html(row[i], table.columns[i], table.has_row_names && i == 0);
    html += "</tr>\n";
  }
  return html;
}

// The text that replaces the comment <!--=name--> of the page.
struct PagePart {
  std::string name;
  std::string html;
};

std::string filled(std::string_view text, const std::vector<PagePart>& parts) {
  constexpr std::string_view kBegin = "<!--=";
  constexpr std::string_view kEnd = "-->";
  std::string page;
  for (;;) {
    const std::size_t begin = text.find(kBegin);
    page += text.substr(0, begin);
    if (begin == std::string_view::npos) return page;
    text.remove_prefix(begin + kBegin.size());
    const std::size_t end = text.find(kEnd);
    const auto part = std::ranges::find(parts, text.substr(0, end), &PagePart::name);
    if (part != parts.end()) page += part->html;
    text.remove_prefix(end + kEnd.size());
  }
}

// Returns the template of a section, which the page contains for its script.
std::string_view section_template() {
  constexpr std::string_view kBegin = "<template id=\"endpoints-of\">";
  const std::string_view rest = kTemplate.substr(kTemplate.find(kBegin) + kBegin.size());
  return rest.substr(0, rest.find("</template>"));
}

// Returns a section for each upstream. If there are more than kFew, only sections with a problem
// are open.
std::string balanced_html(const Overview& overview) {
  constexpr std::size_t kFew = 4;
  const auto tables = endpoint_tables(overview, BalancedUpstream::kMaxEndpoints);
  std::string html;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const BalancedUpstream& upstream = overview.balanced[i];
    const bool is_faulty = !problem_of(upstream).empty();
    html += filled(section_template(), {{"upstream", html_escaped(upstream.upstream)},
                                        {"title", html_escaped(tables[i].title)},
                                        {"open", is_faulty || tables.size() <= kFew ? " open" : ""},
                                        {"tone", is_faulty ? " bad" : ""},
                                        {"note", html_escaped(tables[i].note)},
                                        {"rows", rows_html(tables[i])}});
  }
  return html;
}

std::string pairs_html(const std::vector<OverviewPair>& pairs) {
  std::string html;
  for (const auto& [name, text] : pairs) {
    html += "<div><dt>" + std::string(name) + "</dt> <dd>" + html_escaped(text) + "</dd></div>\n";
  }
  return html;
}

std::string meters_html(const std::vector<OverviewMeter>& meters) {
  std::string html;
  for (const OverviewMeter& meter : meters) {
    html += "<div" + class_attribute(name_of(meter.tone)) + "><dt>" + std::string(meter.name) +
            "</dt> <dd>" + meter.text + "</dd>";
    if (meter.has_limit) {
      html +=
          "<svg viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect "
          "height=\"1\" width=\"" +
          std::to_string(meter.share * 100) + "\"/></svg>";
    }
    html += "</div>\n";
  }
  return html;
}

std::string problems_html(const std::vector<Overview::Problem>& problems) {
  std::string html;
  for (const auto& [is_urgent, text] : problems) {
    html += std::string("<li class=\"") + (is_urgent ? "bad" : "warn") + "\">" +
            html_escaped(visible_text(text)) + "</li>";
  }
  return html;
}

std::vector<PagePart> page_parts(const Overview& overview) {
  std::vector<PagePart> parts = {
      {"condition", "<span id=\"pill\" class=\"pill " +
                        std::string(name_of(condition_tone(overview))) + "\">" +
                        std::string(condition_of(overview)) + "</span>"},
      {"facts", pairs_html(overview_facts(overview))},
      {"problems", problems_html(overview.problems)},
      {"totals", pairs_html(overview_totals(overview))},
      {"meters", meters_html(overview_meters(overview))},
      {"balanced", balanced_html(overview)}};
  for (const OverviewTable& table : overview_tables(overview)) {
    parts.push_back({std::string(table.id), rows_html(table)});
    parts.push_back({std::string(table.id) + "-note", html_escaped(table.note)});
  }
  return parts;
}

}  // namespace

std::string dashboard_page(const Overview& overview) {
  return filled(kTemplate, page_parts(overview));
}

std::string_view dashboard_policy() {
  static const std::string policy =
      "default-src 'none'; script-src '" + std::string(embedded::kScriptHash) + "'; style-src '" +
      std::string(embedded::kStyleHash) +
      "'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
  return policy;
}

}  // namespace onehop::observe
