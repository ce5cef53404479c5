// SPDX-License-Identifier: Apache-2.0
#include "config/quantity_settings.hpp"

#include "config/pointed_out.hpp"

namespace onehop::config {
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

std::string max_of(const Numbers& numbers) {
  const bool is_any_time = numbers.unit == NumberUnit::time && numbers.max == kTenYears;
  return is_any_time ? "10 years" : show_with_unit(numbers.unit, numbers.max);
}

// Returns "'0' is too small" with a suggestion.
std::string instead_of_zero(const Numbers& numbers, std::string_view text) {
  const std::string why = in_quotes(text) + " is too small";
  if (!numbers.has_off && !numbers.has_auto) {
    return why + ": the minimum is " + show_with_unit(numbers.unit, numbers.min);
  }
  if (!numbers.has_off) return why + did_you_mean("auto");
  return why + did_you_mean(numbers.has_auto ? "auto or off" : "off");
}

}  // namespace

Parsed<std::uint64_t> parse_number(const Numbers& numbers, std::string_view text) {
  if (text == "auto" && numbers.has_auto) return numbers.automatic;
  if (text == "off" && numbers.has_off) return numbers.off;
  if (text == "off") {
    return refused("it cannot be switched off; the maximum is " + max_of(numbers));
  }
  if (is_zero(text) && numbers.min > 0) return refused(instead_of_zero(numbers, text));
  const auto value = parse_with_unit(numbers.unit, text);
  if (!value && text == "0" && numbers.has_off) {  // other programs use it for "no limit"
    return refused("'0' has no unit" + did_you_mean("off, or " + show_with_unit(numbers.unit, 0)));
  }
  if (!value) return value;
  if (*value < numbers.min) {
    return refused(in_quotes(text) + " is too small: the minimum is " +
                   show_with_unit(numbers.unit, numbers.min));
  }
  if (*value > numbers.max) {
    return refused(in_quotes(text) + " is too large: the maximum is " + max_of(numbers));
  }
  return value;
}

std::string show_number(const Numbers& numbers, std::uint64_t value) {
  if (numbers.has_off && value == numbers.off) return "off";
  if (numbers.has_auto && value == numbers.automatic) return "auto";
  return show_with_unit(numbers.unit, value);
}

}  // namespace onehop::config
