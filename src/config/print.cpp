// SPDX-License-Identifier: Apache-2.0
#include "config/print.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"
#include "config/plain_text.hpp"
#include "config/route_settings.hpp"
#include "config/setting_groups.hpp"
#include "config/settings.hpp"
#include "config/toml_text.hpp"

#include <algorithm>

namespace onehop::config {
namespace {

// Returns the values as given, so that "1.50s" does not become "1500ms". Numbers, switches and the
// backend have only one spelling.
std::vector<std::string> values_of(const Setting& setting,
                                   const Given* given,
                                   const Configuration& configuration) {
  const bool has_one_spelling = setting.type != ValueType::text || setting.name == kBackendSetting;
  if (given == nullptr || has_one_spelling) return setting.values(configuration);
  std::vector<std::string> texts;
  for (const GivenValue& value : given->values)
    texts.push_back(value.text);
  return texts;
}

// Returns a comment that names the origin. It contains no line break and no other control
// character.
std::string comment_on(const Origin& given) {
  std::string origin = printable(text_of(given));
  std::ranges::replace(origin, '\n', '?');
  return "  # " + origin + "\n";
}

std::string comment_on(const Given* given) {
  return given == nullptr ? "  # default\n" : comment_on(given->origin);
}

std::string line_for(const Setting& setting,
                     const Given* given,
                     const Configuration& configuration,
                     Secrets secrets) {
  const std::string name(setting.name);
  std::vector<std::string> values = values_of(setting, given, configuration);
  if (secrets == Secrets::hidden) hide_secrets(setting, values);
  if (!std::ranges::all_of(values, [](const std::string& text) { return is_utf8(text); })) {
    return "# " + name + " is not UTF-8, so TOML cannot represent its value" + comment_on(given);
  }
  const bool is_unset = given == nullptr && values.empty() &&
                        (!setting.may_repeat() || setting.name == kBackendSetting);
  if (is_unset) return "#" + name + " is not set" + comment_on(given);
  return (given == nullptr ? "#" : "") + name + " = " + toml_value(setting, values) +
         comment_on(given);
}

// Returns the key, in quotes unless it is a bare key of TOML.
std::string key_text(const std::string& key) {
  const bool is_plain = !key.empty() && std::ranges::all_of(key, [](char c) {
    return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '_';
  });
  return is_plain ? key : toml_text(key);
}

// Prints only the settings that the table itself sets. It inherits the others.
std::string table_text(const GivenTable& table, const Configuration& made, Secrets secrets) {
  std::string text = "\n[[route]]";
  if (table.kind == TableKind::upstream) text = "\n[upstream." + key_text(table.name) + "]";
  text += comment_on(table.origin);
  for (const Setting* const setting : settings_of(table.kind)) {
    const auto given = table.given.find(setting);
    if (given != table.given.end()) text += line_for(*setting, &given->second, made, secrets);
  }
  return text;
}

// The tables and Configuration::routes are both in the order of the files; upstreams are found by
// name.
std::string tables_text(const Loaded& loaded, Secrets secrets) {
  std::string text;
  std::size_t routes = 0;
  for (const GivenTable& table : loaded.tables) {
    const Configuration* made = nullptr;
    if (table.kind == TableKind::route) {
      made = loaded.configuration.routes[routes++].get();
    } else {
      const auto found = std::ranges::find_if(
          loaded.configuration.upstreams,
          [&table](const auto& one) { return one->table.connections == table.name; });
      made = found->get();
    }
    text += table_text(table, *made, secrets);
  }
  return text;
}

}  // namespace

std::string print_configuration(const Loaded& loaded, Secrets secrets) {
  std::string text;
  for (const GroupRow& group : setting_groups()) {
    text += (text.empty() ? "# " : "\n# ") + std::string(group.title) + "\n";
    for (const Setting& setting : settings()) {
      if (setting.group != group.group || setting.scope == Scope::arguments) continue;
      text += line_for(setting, loaded.given_for(setting.name), loaded.configuration, secrets);
    }
  }
  return text + tables_text(loaded, secrets);
}

}  // namespace onehop::config
