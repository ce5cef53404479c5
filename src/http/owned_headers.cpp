// SPDX-License-Identifier: Apache-2.0

#include <onehop/owned_headers.hpp>

#include "base/ascii.hpp"

namespace onehop {

OwnedHeaders::OwnedHeaders(const Headers& headers) {
  std::size_t size = 0;
  for (const Field field : headers)
    size += field.name.size() + field.value.size();
  text_.reserve(size);
  lines_.reserve(headers.size());
  for (const Field field : headers) {
    lines_.push_back({text_.size(), field.name.size(), field.value.size()});
    text_.append(field.name).append(field.value);
  }
}

Headers OwnedHeaders::to_headers() const {
  Headers headers;
  for (const Field field : *this)
    headers.add(field.name, field.value);
  return headers;
}

Field OwnedHeaders::operator[](std::size_t i) const noexcept {
  const Line& line = lines_[i];
  const std::string_view text(text_);
  return {text.substr(line.at, line.name_size),
          text.substr(line.at + line.name_size, line.value_size)};
}

std::optional<std::string_view> OwnedHeaders::get(std::string_view name) const noexcept {
  for (const Field field : *this) {
    if (ascii::equals_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::string_view OwnedHeaders::get_or_empty(std::string_view name) const noexcept {
  return get(name).value_or(std::string_view());
}

std::vector<std::string_view> OwnedHeaders::get_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Field field : *this) {
    if (ascii::equals_ignoring_case(field.name, name)) values.push_back(field.value);
  }
  return values;
}

}  // namespace onehop
