// SPDX-License-Identifier: Apache-2.0
#include "config/differences.hpp"

#include "config/route_settings.hpp"
#include "config/setting_groups.hpp"
#include "config/settings.hpp"
#include "config/toml_text.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace onehop::config {
namespace {

using Values = Difference::Values;

bool are_none(const Values& values) {
  return !values || values->empty();
}

// Adding the first certificate, or removing the last one, changes listeners between http and https.
When when_of(const Setting& setting, const Values& before, const Values& after) {
  const bool switches_tls = setting.name == "tls" && are_none(before) != are_none(after);
  return switches_tls ? When::new_listener : setting.when;
}

std::string shown(const Setting& setting, Values values) {
  const bool has_empty_list = values && setting.may_repeat() && setting.name != kBackendSetting;
  if (are_none(values) && !has_empty_list) return "nothing";
  hide_secrets(setting, *values);
  return toml_value(setting, *values);
}

// Returns the values that a table sets for a setting; std::nullopt if it sets none or is null.
Values values_in(const Configuration* table, const Setting& setting) {
  if (table == nullptr || !table->table.has(setting.name)) return std::nullopt;
  return setting.values(*table);
}

const Configuration* find_table(const std::vector<std::shared_ptr<const Configuration>>& tables,
                                const std::string& title) {
  const auto found =
      std::ranges::find_if(tables, [&title](const auto& one) { return one->table.title == title; });
  return found == tables.end() ? nullptr : found->get();
}

// Calls visit(title, setting, values before, values after) for each setting of each table.
template <class Visit>
void visit_tables(TableKind kind,
                  const std::vector<std::shared_ptr<const Configuration>>& before,
                  const std::vector<std::shared_ptr<const Configuration>>& after,
                  Visit visit) {
  std::vector<std::string> titles;
  for (const auto* const tables : {&before, &after}) {
    for (const auto& table : *tables) {
      if (std::ranges::find(titles, table->table.title) == titles.end())
        titles.push_back(table->table.title);
    }
  }
  const std::vector<const Setting*> all = settings_of(kind);
  for (const std::string& title : titles) {
    const Configuration* const earlier = find_table(before, title);
    const Configuration* const later = find_table(after, title);
    for (const Setting* const setting : all)
      visit(title, *setting, values_in(earlier, *setting), values_in(later, *setting));
  }
}

// Does the same for all settings, first for those at the top, with "" as the title.
template <class Visit>
void visit_settings(const Configuration& before, const Configuration& after, Visit visit) {
  for (const Setting& setting : settings()) {
    if (setting.scope == Scope::arguments) continue;
    visit(std::string(), setting, Values(setting.values(before)), Values(setting.values(after)));
  }
  visit_tables(TableKind::upstream, before.upstreams, after.upstreams, visit);
  visit_tables(TableKind::route, before.routes, after.routes, visit);
}

void hide_secrets_of(const Setting& setting, Values& values) {
  if (values) hide_secrets(setting, *values);
}

}  // namespace

std::vector<Difference> differences(const Configuration& before,
                                    const Configuration& after,
                                    Secrets secrets) {
  std::vector<Difference> changes;
  visit_settings(
      before, after,
      [&](const std::string& table, const Setting& setting, Values old_values, Values new_values) {
        if (secrets == Secrets::hidden) {
          hide_secrets_of(setting, old_values);
          hide_secrets_of(setting, new_values);
        }
        if (old_values == new_values) return;
        const When when = when_of(setting, old_values, new_values);
        changes.push_back({&setting, std::move(old_values), std::move(new_values), when, table});
      });
  return changes;
}

std::vector<std::string> not_compared(const Configuration& before, const Configuration& after) {
  std::vector<std::string> sentences;
  visit_settings(before, after,
                 [&sentences](const std::string& table, const Setting& setting, Values running,
                              const Values& values) {
                   Values seen = values;
                   hide_secrets_of(setting, running);
                   hide_secrets_of(setting, seen);
                   if (running != seen || are_none(values)) return;
                   std::size_t count = 0;
                   for (std::size_t i = 0; i < values->size(); ++i)
                     count += (*values)[i] == (*seen)[i] ? 0 : 1;
                   if (count == 0) return;
                   sentences.push_back((table.empty() ? "" : table + ": ") +
                                       std::string(setting.name) + ": " + std::to_string(count) +
                                       (count == 1 ? " value is hidden, and was not compared"
                                                   : " values are hidden, and were not compared"));
                 });
  return sentences;
}

std::string name_of(const Difference& change) {
  return (change.table.empty() ? "" : change.table + ": ") + std::string(change.setting->name);
}

// Loads the text for the command `check`, which does not serve: only the service has its
// credentials.
Loaded load_printed(const std::string& text) {
  const std::string name = "the running configuration";
  return load({"check", "--config", name}, {},
              [&](const NamedFiles&, Findings&) { return std::vector<ConfigFile>{{name, text}}; });
}

std::string_view remedy_for(const Setting& setting) {
  if (setting.when == When::upgrade) return "`onehop upgrade`, which drops no connections";
  return setting.when == When::restart ? "a restart" : "";
}

std::string remedies_for(const std::vector<Difference>& changes) {
  std::string text;
  for (const When when : {When::upgrade, When::restart}) {
    std::string names;
    std::string_view remedy;
    for (const Difference& change : changes) {
      if (change.when != when) continue;
      names += (names.empty() ? "" : ", ") + flag_of(*change.setting);
      remedy = remedy_for(*change.setting);
    }
    if (names.empty()) continue;
    text.append("a reload cannot change ").append(names).append(": that needs ");
    text.append(remedy).append("\n");
  }
  return text;
}

std::string text_of(const Difference& change) {
  return name_of(change) + ": " + shown(*change.setting, change.before) + " becomes " +
         shown(*change.setting, change.after) + " (" + std::string(words_for(change.when)) + ")";
}

}  // namespace onehop::config
