// SPDX-License-Identifier: Apache-2.0
#include "config/file_settings.hpp"

#include "base/ascii.hpp"
#include "config/pointed_out.hpp"
#include "config/setting_names.hpp"
#include "config/text_list.hpp"
#include "config/toml_document.hpp"
#include "observe/upstream_endpoints.hpp"

#include <algorithm>
#include <utility>

namespace onehop::config {
namespace {

// Reports whether the name of an upstream may contain `c`. Titles, metrics and log lines contain
// the name unescaped.
bool is_of_name(char c) noexcept {
  return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '_' || c == '.';
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

class FileReader {
 public:
  FileReader(const ConfigFile& file, FileSettings& given, Findings& findings)
      : name_(file.name), given_(given), findings_(findings), document_(parse_toml(file.text)) {}

  void read() {
    for (const TomlMistake& mistake : document_.mistakes)
      report(mistake.region, mistake.message, mistake.hint);
    for (const TomlEntry& entry : document_.entries) {
      if (entry.key == "upstream") {
        read_upstreams(entry);
      } else if (entry.key == "route") {
        read_routes(entry);
      } else {
        read_entry(entry, TableKind::top, given_.top);
      }
    }
  }

 private:
  void read_upstreams(const TomlEntry& entry) {
    if (entry.value.kind != TomlKind::table || entry.value.is_array_of_tables) {
      return report(entry.region, "an upstream is a table with a name", "write [upstream.NAME]");
    }
    for (const TomlTable& names : entry.value.tables) {
      for (const TomlEntry& one : names.entries)
        read_upstream(one);
    }
  }

  void read_upstream(const TomlEntry& entry) {
    if (entry.value.kind != TomlKind::table || entry.value.is_array_of_tables) {
      return report(entry.region, "an upstream is a table with a name",
                    "write [upstream.NAME] before " + std::string(entry.key));
    }
    if (entry.key.empty()) {
      return report(entry.region, "an upstream needs a name", "write [upstream.NAME]");
    }
    if (!std::ranges::all_of(entry.key, is_of_name)) {
      return report(entry.region, "the name of an upstream has letters, digits, '-', '_' and '.'",
                    "choose another name");
    }
    if (entry.key == observe::kTopUpstream) {
      return report(entry.region, in_quotes(entry.key) + " is the upstream at the top of the file",
                    "choose another name, or set its backend at the top");
    }
    const auto earlier = std::ranges::find_if(given_.tables, [&entry](const GivenTable& table) {
      return table.kind == TableKind::upstream && table.name == entry.key;
    });
    if (earlier != given_.tables.end()) {
      return report(entry.region, "there are two upstreams " + in_quotes(entry.key),
                    "the other one is in " + config::text_of(earlier->origin));
    }
    read_table(entry.value.tables.front(), entry.region, TableKind::upstream, entry.key);
  }

  void read_routes(const TomlEntry& entry) {
    if (!entry.value.is_array_of_tables) {
      return report(entry.region, "each route is a table of a list", "write [[route]]");
    }
    for (const TomlTable& table : entry.value.tables)
      read_table(table, table.region, TableKind::route, {});
  }

  void read_table(const TomlTable& table,
                  const Region& header,
                  TableKind kind,
                  const std::string& name) {
    GivenTable one{.kind = kind, .name = name};
    one.origin = origin_of(header);
    one.excerpt = document_.lines.excerpt(header);
    for (const TomlEntry& entry : table.entries)
      read_entry(entry, kind, one.given);
    given_.tables.push_back(std::move(one));
  }

  void read_entry(const TomlEntry& entry, TableKind kind, GivenSettings& given) {
    const NameMeaning meaning = meaning_of(entry.key, former_names(), kind);
    if (entry.value.kind == TomlKind::table) return report_table(entry, meaning);
    if (!meaning.problem.empty()) {
      report(entry.region, meaning.problem, meaning.hint,
             meaning.setting != nullptr ? Severity::warning : Severity::error);
    }
    if (meaning.setting == nullptr) return;
    if (meaning.setting->scope == Scope::arguments) {
      return report(entry.region, std::string(entry.key) + " is for the command line only",
                    "remove it");
    }
    add(*meaning.setting, entry, given);
  }

  void report_table(const TomlEntry& entry, const NameMeaning& meaning) {
    if (meaning.setting != nullptr) {
      return report(entry.region, std::string(meaning.setting->name) + " is not a table",
                    "write " + std::string(meaning.setting->name) + " = ...");
    }
    report(entry.region, "unknown table " + in_quotes(entry.key),
           "settings are at the top of the file, in [upstream.NAME] and in [[route]]");
  }

  void add(const Setting& setting, const TomlEntry& entry, GivenSettings& all) {
    const auto earlier = all.find(&setting);
    if (earlier != all.end()) {
      const std::string as_well =
          "it is set in " + config::text_of(earlier->second.origin) + " as well";
      return report(entry.region, in_quotes(entry.key) + " is set twice", as_well);
    }
    Given& given = all[&setting];
    given.origin = origin_of(entry.region);
    given.excerpt = document_.lines.excerpt(entry.region);
    if (entry.value.kind != TomlKind::list) {
      add_value(setting, entry.value, given);
    } else if (!setting.may_repeat()) {
      report(entry.value.region, std::string(setting.name) + " is one value, not a list",
             entry.value.elements.size() == 1 ? "remove the brackets" : "");
    } else {
      for (const TomlValue& element : entry.value.elements)
        add_value(setting, element, given);
    }
  }

  void add_value(const Setting& setting, const TomlValue& value, Given& given) {
    if (value.kind == TomlKind::list || value.kind == TomlKind::table) {
      return report(value.region, std::string(setting.name) + ": an element of a list is one value",
                    "write a list of texts: [\"a\", \"b\"]");
    }
    if (value.kind == TomlKind::boolean && setting.type != ValueType::boolean) {
      return report(value.region,
                    std::string(setting.name) + ": " + value.text +
                        " is for switches; this setting takes " + std::string(setting.placeholder),
                    value.text == "false" ? "did you mean \"off\"?" : "");
    }
    if (const auto control = std::ranges::find_if(value.text, is_control);
        control != value.text.end()) {
      return report(value.region, std::string(setting.name) + ": the text has a control character");
    }
    const bool is_list = setting.splits_flags && value.kind == TomlKind::text;
    std::vector<std::string> texts;
    if (is_list) texts = split_list(value.text, setting.list_separator);
    if (texts.empty()) texts = {value.text};
    for (std::string& text : texts) {
      GivenValue one{.text = std::move(text), .origin = origin_of(value.region)};
      one.excerpt = document_.lines.excerpt(value.region);
      const bool is_shown = !one.excerpt.text.empty();
      one.is_verbatim = is_shown && value.is_verbatim && one.text == value.text;
      one.text_at = value.region.begin + 1;  // after the quote
      given.values.push_back(std::move(one));
    }
  }

  Origin origin_of(const Region& region) const {
    return {Source::file, name_, region.line, region.column};
  }

  void report(const Region& region,
              std::string message,
              std::string hint = {},
              Severity severity = Severity::error) {
    findings_.push_back({severity, origin_of(region), std::move(message), std::move(hint),
                         document_.lines.excerpt(region)});
  }

  const std::string& name_;
  FileSettings& given_;
  Findings& findings_;
  TomlDocument document_;
};

}  // namespace

void read_settings(const ConfigFile& file, FileSettings& given, Findings& findings) {
  FileReader(file, given, findings).read();
}

}  // namespace onehop::config
