// SPDX-License-Identifier: Apache-2.0
#include "config/schema.hpp"

#include "config/route_settings.hpp"
#include "config/setting_groups.hpp"
#include "config/settings.hpp"
#include "config/text_list.hpp"

#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace onehop::config {
namespace {

using Json = nlohmann::ordered_json;

bool accepts(const Setting& setting, const std::string& text) {
  Configuration scratch;
  return !setting.set(scratch, {text});
}

// Returns the words that the setting accepts for a number or a quantity.
std::vector<std::string> words_of(const Setting& setting) {
  std::vector<std::string> words;
  for (const char* const word : {"auto", "off"}) {
    if (accepts(setting, word)) words.emplace_back(word);
  }
  return words;
}

std::string with_words(const std::string& pattern, const std::vector<std::string>& words) {
  std::string all = pattern;
  for (const std::string& word : words)
    all += "|" + word;
  return "^(" + all + ")$";
}

Json pattern_for(const std::string& pattern, const Setting& setting) {
  return {{"type", "string"}, {"pattern", with_words(pattern, words_of(setting))}};
}

Json text_schema(const Setting& setting) {
  switch (setting.content) {
    case Content::time:
      return pattern_for("[0-9]+(\\.[0-9]+)?(ms|s|m|h)", setting);
    case Content::size:
      return pattern_for("[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|kB|MB|GB)", setting);
    case Content::share:
      return pattern_for("[0-9]+(\\.[0-9]+)?%", setting);
    case Content::choice:
      return {{"enum", split_list(setting.placeholder, '|')}};
    case Content::word:
    case Content::url:
    case Content::file:
    case Content::certificate:
    case Content::field:
      break;
  }
  return {{"type", "string"}};
}

Json number_schema(const Setting& setting) {
  Json number = {{"type", "integer"}, {"minimum", accepts(setting, "0") ? 0 : 1}};
  const std::vector<std::string> words = words_of(setting);
  if (words.empty()) return number;
  return {{"anyOf", Json::array({number, {{"enum", words}}})}};
}

Json one_value(const Setting& setting) {
  switch (setting.type) {
    case ValueType::boolean:
      return {{"type", "boolean"}};
    case ValueType::number:
      return number_schema(setting);
    case ValueType::text:
      return text_schema(setting);
  }
  return {};
}

Json default_of(const Setting& setting) {
  const std::vector<std::string> values = setting.values(Configuration());
  if (setting.may_repeat()) return values;
  if (values.empty()) return nullptr;
  if (setting.type == ValueType::boolean) return values.front() == "on";
  const bool is_number = values.front().find_first_not_of("0123456789") == std::string::npos;
  if (setting.type == ValueType::number && is_number) return std::stoull(values.front());
  return values.front();
}

Json property(const Setting& setting) {
  Json schema = one_value(setting);
  if (setting.may_repeat()) {
    const Json list = {{"type", "array"}, {"items", schema}};
    schema = {{"anyOf", Json::array({list, schema})}};
  }
  schema["description"] = std::string(setting.help) +
                          ". A change takes effect: " + std::string(words_for(setting.when)) +
                          ". Since version " + std::string(setting.since) + ".";
  if (Json value = default_of(setting); !value.is_null()) schema["default"] = std::move(value);
  return schema;
}

// Returns the schema of a table, without defaults: the default of a setting there is its value at
// the top.
Json table_schema(TableKind kind) {
  Json properties = Json::object();
  for (const Setting* const setting : settings_of(kind)) {
    Json schema = property(*setting);
    schema.erase("default");
    properties[std::string(setting->name)] = std::move(schema);
  }
  return {
      {"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
}

}  // namespace

std::string schema_text() {
  Json properties = Json::object();
  for (const Setting& setting : settings()) {
    if (setting.scope != Scope::arguments)
      properties[std::string(setting.name)] = property(setting);
  }
  properties["upstream"] = {{"type", "object"},
                            {"description", "Backends of routes: [upstream.NAME]."},
                            {"additionalProperties", table_schema(TableKind::upstream)}};
  properties["route"] = {{"type", "array"},
                         {"description", "Which requests go where: [[route]]."},
                         {"items", table_schema(TableKind::route)}};
  const Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                       {"title", "Configuration of onehop"},
                       {"type", "object"},
                       {"additionalProperties", false},
                       {"properties", std::move(properties)}};
  return schema.dump(2) + "\n";
}

}  // namespace onehop::config
