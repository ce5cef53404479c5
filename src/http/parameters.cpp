// SPDX-License-Identifier: Apache-2.0

#include <onehop/parameters.hpp>

#include "http/query.hpp"

#include <algorithm>
#include <utility>

namespace onehop {
namespace {

std::unexpected<Error> malformed(const char* detail) {
  return failure(Errc::bad_request, Side::client, detail);
}

Parameter parameter_in(std::string_view text) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string_view value = text.substr(std::min(equals + 1, text.size()));
  return {form_decoded(text.substr(0, equals)), form_decoded(value)};
}

}  // namespace

Result<Parameters> Parameters::parse(std::string_view text) {
  if (text.find(';') != std::string_view::npos) return malformed("a ';' that is not escaped");
  if (!has_valid_escapes(text)) return malformed("a malformed escape among the parameters");
  Parameters parameters;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (parameters.size() == kMaxParameters) {
      return failure(Errc::limit_exceeded, Side::client, "too many parameters");
    }
    parameters.list_.push_back(parameter_in(pair));
  }
  return parameters;
}

std::optional<std::string_view> Parameters::get(std::string_view name) const noexcept {
  const auto found = std::ranges::find(list_, name, &Parameter::name);
  if (found == list_.end()) return std::nullopt;
  return found->value;
}

std::string_view Parameters::get_or_empty(std::string_view name) const noexcept {
  return get(name).value_or(std::string_view());
}

std::vector<std::string_view> Parameters::get_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Parameter& parameter : list_) {
    if (parameter.name == name) values.push_back(parameter.value);
  }
  return values;
}

void Parameters::add(std::string name, std::string value) {
  list_.push_back({std::move(name), std::move(value)});
}

void Parameters::set(std::string_view name, std::string value) {
  const auto first = std::ranges::find(list_, name, &Parameter::name);
  if (first == list_.end()) return add(std::string(name), std::move(value));
  first->value = std::move(value);
  const auto others = std::remove_if(first + 1, list_.end(), [&first](const Parameter& parameter) {
    return parameter.name == first->name;
  });
  list_.erase(others, list_.end());
}

std::size_t Parameters::erase(std::string_view name) {
  const std::string wanted(name);  // `name` may view a parameter
  return std::erase_if(list_, [&wanted](const Parameter& p) { return p.name == wanted; });
}

std::string Parameters::to_string() const {
  std::string text;
  for (const Parameter& parameter : list_) {
    if (!text.empty()) text += '&';
    append_form_escaped(text, parameter.name);
    text += '=';
    append_form_escaped(text, parameter.value);
  }
  return text;
}

}  // namespace onehop
