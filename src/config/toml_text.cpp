// SPDX-License-Identifier: Apache-2.0
#include "config/toml_text.hpp"

#include "base/json_text.hpp"
#include "config/settings.hpp"

namespace onehop::config {
namespace {

std::string one_value(const Setting& setting, const std::string& text) {
  switch (setting.type) {
    case ValueType::boolean:
      return text == "on" ? "true" : "false";
    case ValueType::number:
      if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) return text;
      break;
    case ValueType::text:
      break;
  }
  return toml_text(text);
}

}  // namespace

// A JSON string is a TOML string, except for DEL and the escape of a slash.
std::string toml_text(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  std::string result;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    const char c = quoted[i];
    if (c == '\x7f') {
      result += "\\u007f";
    } else if (c == '\\' && quoted[i + 1] == '/') {
      result += quoted[++i];
    } else {
      result += c;
      if (c == '\\') result += quoted[++i];
    }
  }
  return result;
}

std::string toml_value(const Setting& setting, const std::vector<std::string>& values) {
  const bool is_one_backend = setting.name == kBackendSetting && values.size() == 1;
  if (!setting.may_repeat() || is_one_backend)
    return one_value(setting, values.empty() ? "" : values.front());
  std::string list = "[";
  for (const std::string& value : values)
    list += (list.size() > 1 ? ", " : "") + one_value(setting, value);
  return list + "]";
}

}  // namespace onehop::config
