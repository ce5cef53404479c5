// SPDX-License-Identifier: Apache-2.0

#include <onehop/headers.hpp>

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/header_lines.hpp"
#include "http/list_value.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace onehop {
namespace {

constexpr std::uint32_t kFirstCapacity = 16;

bool is_named(const FieldLine& line, FieldName name) noexcept {
  if (line.id != id_of(name)) return false;
  if (id_of(name) != FieldId::unknown) return true;
  return ascii::equals_ignoring_case({line.name_data, line.name_size}, name.text());
}

// The error does not contain the value: it may be a secret, or an attempt to forge a log line.
Result<std::string_view> checked_value(FieldName name, std::string_view value) {
  if (!ascii::is_token(name.text())) {
    return failure(Errc::bad_field, Side::local, "the field name is not a token");
  }
  if (name.text().size() > std::numeric_limits<std::uint16_t>::max()) {
    return failure(Errc::bad_field, Side::local, "the field name is too long");
  }
  value = ascii::trim_blanks(value);
  if (!ascii::is_field_value(value) || value.size() > std::numeric_limits<std::uint32_t>::max()) {
    return failure(Errc::bad_field, Side::local,
                   "the value of " + std::string(name.text()) + " has a control character");
  }
  return value;
}

// The line is laid out as it goes on the wire, so that writing it is one copy.
FieldLine make_line(Arena& arena, FieldName name, std::string_view value) {
  const std::string_view text = name.text();
  char* out = arena.allocate_text(text.size() + value.size() + 4);
  std::memcpy(out, text.data(), text.size());
  std::memcpy(out + text.size(), ": ", 2);
  char* value_data = out + text.size() + 2;
  if (!value.empty()) std::memcpy(value_data, value.data(), value.size());
  std::memcpy(value_data + value.size(), "\r\n", 2);
  return {.name_data = out,
          .value_data = value_data,
          .value_size = static_cast<std::uint32_t>(value.size()),
          .name_size = static_cast<std::uint16_t>(text.size()),
          .id = id_of(name),
          .verbatim = true};
}

void throw_if_failed(const Result<void>& result) {
  if (!result) throw std::invalid_argument(result.error().to_string());
}

}  // namespace

FieldName::FieldName(std::string_view text) noexcept : text_(text), id_(find_field(text)) {}

Headers::Headers(std::initializer_list<Field> fields) {
  reserve(fields.size());
  for (const Field& field : fields)
    add(field.name, field.value);
}

Headers::Headers(Headers&& other) noexcept
    : arena_(std::move(other.arena_)),
      lines_(std::exchange(other.lines_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)),
      present_(std::exchange(other.present_, 0)) {}

Headers& Headers::operator=(Headers&& other) noexcept {
  if (this == &other) return *this;
  arena_ = std::move(other.arena_);
  lines_ = std::exchange(other.lines_, nullptr);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  present_ = std::exchange(other.present_, 0);
  return *this;
}

Headers Headers::clone() const {
  Headers copy(arena_);
  copy.reserve(size_);
  if (size_ != 0) std::memcpy(copy.lines_, lines_, size_ * sizeof(Line));
  copy.size_ = size_;
  copy.present_ = present_;
  return copy;
}

const FieldLine* Headers::find(FieldName name) const noexcept {
  if ((present_ & bit_of(id_of(name))) == 0) return nullptr;
  const Line* end = lines_ + size_;
  const Line* line =
      std::find_if(lines_, lines_ + size_, [name](const Line& l) { return is_named(l, name); });
  return line == end ? nullptr : line;
}

std::optional<std::string_view> Headers::get(FieldName name) const noexcept {
  const Line* line = find(name);
  if (line == nullptr) return std::nullopt;
  return line->field().value;
}

std::string_view Headers::get_or_empty(FieldName name) const noexcept {
  const Line* line = find(name);
  return line == nullptr ? std::string_view{} : line->field().value;
}

bool Headers::has(FieldName name) const noexcept {
  return find(name) != nullptr;
}

std::vector<std::string_view> Headers::get_all(FieldName name) const {
  std::vector<std::string_view> values;
  if ((present_ & bit_of(id_of(name))) == 0) return values;
  for (std::uint32_t i = 0; i < size_; ++i) {
    if (is_named(lines_[i], name)) values.push_back(lines_[i].field().value);
  }
  return values;
}

bool Headers::has_token(FieldName name, std::string_view token) const noexcept {
  if ((present_ & bit_of(id_of(name))) == 0) return false;
  for (std::uint32_t i = 0; i < size_; ++i) {
    if (is_named(lines_[i], name) && list_has(lines_[i].field().value, token)) return true;
  }
  return false;
}

void Headers::set(FieldName name, std::string_view value) {
  throw_if_failed(try_set(name, value));
}

void Headers::add(FieldName name, std::string_view value) {
  throw_if_failed(try_add(name, value));
}

void HeaderWriter::add_valid(FieldName name, std::string_view value) {
  append(make_line(*arena(), name, value));
}

void HeaderWriter::set_valid(FieldName name, std::string_view value) {
  const FieldLine line = make_line(*arena(), name, value);
  const FieldLine* first = headers_.find(name);
  if (first == nullptr) return append(line);
  headers_.lines_[first - headers_.lines_] = line;
  erase_if([first, name](const FieldLine& one) { return &one > first && is_named(one, name); });
}

Result<void> Headers::try_set(FieldName name, std::string_view value) {
  const Result<std::string_view> checked = checked_value(name, value);
  if (!checked) return failure(checked.error());
  HeaderWriter(*this).set_valid(name, *checked);
  return {};
}

Result<void> Headers::try_add(FieldName name, std::string_view value) {
  const Result<std::string_view> checked = checked_value(name, value);
  if (!checked) return failure(checked.error());
  append(make_line(*arena(), name, *checked));
  return {};
}

std::size_t Headers::erase(FieldName name) {
  if ((present_ & bit_of(id_of(name))) == 0) return 0;
  return erase_lines([name](const Line& line) { return is_named(line, name); });
}

void Headers::clear() noexcept {
  size_ = 0;
  present_ = 0;
}

void Headers::append(const Line& line) {
  if (size_ == capacity_) reserve(std::max(kFirstCapacity, capacity_ * 2));
  lines_[size_++] = line;
  present_ |= bit_of(line.id);
}

void Headers::reserve(std::size_t lines) {
  if (lines <= capacity_) return;
  auto* grown = static_cast<Line*>(arena()->allocate(lines * sizeof(Line)));
  if (size_ != 0) std::memcpy(grown, lines_, size_ * sizeof(Line));
  lines_ = grown;
  capacity_ = static_cast<std::uint32_t>(lines);
}

const ArenaRef& Headers::arena() {
  if (!arena_) arena_ = Arena::create();
  return arena_;
}

void Headers::close_gap(std::size_t first, std::size_t end) noexcept {
  size_ =
      static_cast<std::uint32_t>(std::copy(lines_ + end, lines_ + size_, lines_ + first) - lines_);
  recount();
}

void Headers::recount() noexcept {
  present_ = 0;
  for (std::uint32_t i = 0; i < size_; ++i)
    present_ |= bit_of(lines_[i].id);
}

}  // namespace onehop
