// SPDX-License-Identifier: Apache-2.0
#include "program/quantity_settings.hpp"

namespace onehop::program {
namespace {

Parsed<std::uint64_t> parse_with_unit(NumberUnit unit, std::string_view text) {
  if (unit == NumberUnit::size) return parse_size(text);
  if (unit == NumberUnit::none) return parse_count(text);
  const auto duration = parse_duration(text);
  if (!duration) return refused(duration.error());
  return static_cast<std::uint64_t>(duration->count());
}

std::string show_with_unit(NumberUnit unit, std::uint64_t value) {
  if (unit == NumberUnit::size) return format_size(value);
  if (unit == NumberUnit::none) return std::to_string(value);
  return format_duration(std::chrono::nanoseconds(static_cast<std::int64_t>(value)));
}

// "'0' is too little: " and what to write instead.
std::string instead_of_zero(const Numbers& numbers, std::string_view text) {
  std::string why = "'" + std::string(text) + "' is too little";
  if (!numbers.has_off && !numbers.has_auto) {
    return why + ": " + show_with_unit(numbers.unit, numbers.least) + " is the least";
  }
  why += ": did you mean ";
  if (numbers.has_auto) why += "auto";
  if (numbers.has_auto && numbers.has_off) why += " or ";
  if (numbers.has_off) why += "off";
  return why + "?";
}

}  // namespace

Parsed<std::uint64_t> parse_number(const Numbers& numbers, std::string_view text) {
  if (text == "auto" && numbers.has_auto) return numbers.automatic;
  if (text == "off" && numbers.has_off) return numbers.off;
  if (text == "off") {
    return refused("this one cannot be off; " + show_with_unit(numbers.unit, numbers.most) +
                   " is the most");
  }
  if (is_zero(text) && numbers.least > 0) return refused(instead_of_zero(numbers, text));
  const auto value = parse_with_unit(numbers.unit, text);
  if (!value) return value;
  if (*value < numbers.least) {
    return refused("'" + std::string(text) + "' is too little: " +
                   show_with_unit(numbers.unit, numbers.least) + " is the least");
  }
  if (*value > numbers.most) {
    return refused("'" + std::string(text) +
                   "' is too much: " + show_with_unit(numbers.unit, numbers.most) + " is the most");
  }
  return value;
}

std::string show_number(const Numbers& numbers, std::uint64_t value) {
  if (numbers.has_off && value == numbers.off) return "off";
  if (numbers.has_auto && value == numbers.automatic) return "auto";
  return show_with_unit(numbers.unit, value);
}

}  // namespace onehop::program
