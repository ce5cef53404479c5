// SPDX-License-Identifier: Apache-2.0
#include "config/manual_tables.hpp"

#include "config/route_settings.hpp"
#include "config/setting_groups.hpp"
#include "config/settings.hpp"

#include <string_view>

namespace onehop::config {
namespace {

// Escapes '|', which would end the cell.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text)
    escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

std::string code(const std::string& text) {
  return text.empty() ? text : "`" + cell(text) + "`";
}

std::string flag_cell(const Setting& setting) {
  std::string text = flag_of(setting);
  if (!setting.is_switch()) text += " " + std::string(setting.placeholder);
  std::string names = code(text);
  if (setting.letter != 0) names = code(std::string("-") + setting.letter) + ", " + names;
  return setting.may_repeat() ? names + " …" : names;
}

std::string default_cell(const Setting& setting, const Configuration& defaults) {
  if (setting.is_switch()) return "off";
  std::string text;
  for (const std::string& value : setting.values(defaults))
    text += (text.empty() ? "" : ", ") + value;
  return code(text);
}

std::string row(const Setting& setting, const Configuration& defaults) {
  std::string help = cell(setting.help);
  if (setting.since != kFirstVersion) help += " (since " + std::string(setting.since) + ")";
  return "| " + flag_cell(setting) + " | " + default_cell(setting, defaults) + " | " + help +
         " | " + std::string(words_for(setting.when)) + " |\n";
}

// Returns the table of the keys of a [[route]], which have no flags.
std::string route_table() {
  std::string text = "<!-- settings: route -->\n\n| Key | Value | Meaning |\n| --- | --- | --- |\n";
  for (const Setting& setting : route_settings()) {
    const std::string key = code(std::string(setting.name)) + (setting.may_repeat() ? " …" : "");
    const std::string value =
        setting.is_switch() ? "`true`, `false`" : code(std::string(setting.placeholder));
    text += "| " + key + " | " + value + " | " + cell(setting.help) + " |\n";
  }
  return text + "\n<!-- end of settings -->\n";
}

}  // namespace

std::string manual_tables() {
  const Configuration defaults;
  std::string text;
  for (const GroupRow& group : setting_groups()) {
    text += "<!-- settings: " + std::string(group.name) + " -->\n\n";
    text += "| Flag | Default | Meaning | In effect |\n| --- | --- | --- | --- |\n";
    for (const Setting& setting : settings()) {
      if (setting.group == group.group) text += row(setting, defaults);
    }
    text += "\n<!-- end of settings -->\n";
  }
  return text + route_table();
}

}  // namespace onehop::config
