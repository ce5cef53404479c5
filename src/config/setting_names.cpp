// SPDX-License-Identifier: Apache-2.0
#include "config/setting_names.hpp"

#include "config/pointed_out.hpp"
#include "config/route_settings.hpp"
#include "config/settings.hpp"
#include "config/suggestion.hpp"

#include <algorithm>
#include <vector>

namespace onehop::config {
namespace {

NameMeaning former(const FormerName& name) {
  NameMeaning meaning;
  if (name.successor.empty()) {
    meaning.problem = "the setting " + in_quotes(name.name) + " was removed after version " +
                      std::string(name.until);
    meaning.hint = name.advice;
  } else {
    meaning.setting = find_setting(name.successor);
    meaning.problem =
        in_quotes(name.name) + " was renamed after version " + std::string(name.until);
    meaning.hint = "write " + std::string(name.successor);
  }
  return meaning;
}

NameMeaning misplaced(const std::string& name, TableKind kind, TableKind right) {
  NameMeaning meaning;
  meaning.problem = name + " does not belong in " + std::string(words_for(kind));
  meaning.hint = "it belongs in " + std::string(words_for(right));
  if (right == TableKind::top) meaning.hint = "it belongs at the top of the file";
  if (kind == TableKind::top) meaning.problem = name + " does not belong at the top of the file";
  return meaning;
}

}  // namespace

std::span<const FormerName> former_names() {
  return {};  // no version has renamed or removed a setting
}

const Setting* find_setting(std::string_view name) {
  const auto found = std::ranges::find(settings(), name, &Setting::name);
  return found == settings().end() ? nullptr : &*found;
}

const Setting* find_setting(TableKind kind, std::string_view name) {
  for (const auto& table : {route_settings(), settings()}) {
    for (const Setting& setting : table) {
      if (setting.name == name && may_have(kind, setting)) return &setting;
    }
  }
  return nullptr;
}

NameMeaning meaning_of(std::string_view written,
                       std::span<const FormerName> former_table,
                       TableKind kind) {
  std::string name(written);
  std::ranges::replace(name, '_', '-');
  if (const Setting* setting = find_setting(kind, name)) return {.setting = setting};
  for (const TableKind other : {TableKind::top, TableKind::route}) {
    if (find_setting(other, name) != nullptr) return misplaced(name, kind, other);
  }
  const auto once = std::ranges::find(former_table, name, &FormerName::name);
  if (once != former_table.end()) return former(*once);
  std::vector<std::string_view> candidates;
  for (const Setting* const setting : settings_of(kind))
    candidates.push_back(setting->name);
  if (!nearest(name, candidates)) {
    for (const Setting* const setting : settings_of(TableKind::route))
      candidates.push_back(setting->name);
  }
  NameMeaning meaning{.problem = "unknown setting " + in_quotes(written)};
  if (name.starts_with("--")) {
    meaning.hint = "a key has no dashes in front of it";
  } else if (const auto meant = nearest(name, candidates)) {
    meaning.hint = "did you mean " + std::string(*meant) + "?";
  }
  return meaning;
}

}  // namespace onehop::config
