// SPDX-License-Identifier: Apache-2.0
#include "config/given_values.hpp"

#include "config/display_width.hpp"
#include "config/setting_names.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::config {
namespace {

// Changes "did you mean 75s?" to "did you mean "75s"?" for a file, in which only a text can have a
// unit.
void quote_suggestion(std::string& hint) {
  constexpr std::string_view kBefore = "did you mean ";
  if (!hint.starts_with(kBefore) || !hint.ends_with('?') || hint.contains(", ")) return;
  hint.insert(kBefore.size(), "\"").insert(hint.size() - 1, "\"");
}

// Returns the finding about a refused value, at the place of the wrong part if that is known.
Finding refused_value(const Setting& setting, const GivenValue& value, std::string_view why) {
  Finding finding{.origin = value.origin};
  explain(finding, why);
  if (value.origin.source != Source::file) return finding;
  finding.message = std::string(setting.name) + ": " + finding.message;
  const std::string_view shown = std::string_view(value.excerpt.text).substr(value.excerpt.begin);
  const bool is_bare = !shown.empty() && shown.find_first_of("\"'") != 0;
  if (setting.type == ValueType::text && is_bare) quote_suggestion(finding.hint);
  const Excerpt part = std::exchange(finding.excerpt, value.excerpt);
  if (!value.is_verbatim || part.size == 0 || part.text != value.text) return finding;
  finding.excerpt.begin = value.text_at + part.begin;
  finding.excerpt.size = part.size;
  const std::string_view before(finding.excerpt.text);
  finding.origin.column = count_code_points(before.substr(0, finding.excerpt.begin)) + 1;
  return finding;
}

}  // namespace

bool check_values(const Setting& setting, const Given& given, Findings& findings) {
  bool are_good = true;
  for (const GivenValue& value : given.values) {
    Configuration scratch;
    const Problem problem = setting.set(scratch, {value.text});
    if (!problem) continue;
    findings.push_back(refused_value(setting, value, *problem));
    are_good = false;
  }
  return are_good;
}

void set_values(const Setting& setting,
                const Given& given,
                Configuration& configuration,
                Findings& findings) {
  if (given.values.size() > 1 && !setting.may_repeat()) {
    findings.push_back({.origin = {.source = given.origin.source},
                        .message = given.origin.name + " was given more than once"});
    return;
  }
  if (!check_values(setting, given, findings)) return;
  if (given.values.empty() && !setting.may_repeat()) return;  // its value was refused
  std::vector<std::string> texts;
  for (const GivenValue& value : given.values)
    texts.push_back(value.text);
  setting.set(configuration, texts);
}

std::string with_keys(const std::string& message) {
  std::string text;
  for (std::size_t at = 0; at < message.size();) {
    const auto dashes = std::min(message.find("--", at), message.size());
    text += message.substr(at, dashes - at);
    const auto end = std::min(message.find_first_of(" :,;", dashes), message.size());
    const std::string word = message.substr(dashes, end - dashes);
    const bool is_flag = word.size() > 2 && find_setting(word.substr(2)) != nullptr;
    text += is_flag ? word.substr(2) : word;
    at = std::max(end, dashes);
    if (at == dashes) break;
  }
  return text;
}

}  // namespace onehop::config
