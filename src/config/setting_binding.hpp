// SPDX-License-Identifier: Apache-2.0
//
// setting<Kind, path...>() makes one row of the table of settings from a kind of value and a path
// of member pointers to the field of the Configuration that stores the value. A kind has
// kPlaceholder, parse() and show(). It has write() if show() returns another text than a user would
// type, and kType and kContent if its values are not words. A setting whose kind has kSeparator may
// be repeated and fills a vector. The rows are made at compile time.
#pragma once

#include "config/setting.hpp"

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace onehop::config {

// Returns the field at the end of a path of member pointers.
template <auto kFirst, auto... kRest, class Object>
auto& reach(Object& object) {
  if constexpr (sizeof...(kRest) == 0) {
    return object.*kFirst;
  } else {
    return reach<kRest...>(object.*kFirst);
  }
}

// Stores parsed values in the field, and shows its value.
template <class Kind, auto... kPath>
struct Stored {
  static Problem set(Configuration& configuration, const std::vector<std::string>& values) {
    auto& target = reach<kPath...>(configuration);
    if constexpr (requires { Kind::kSeparator; }) {
      target.clear();
      for (const std::string& text : values) {
        auto value = Kind::parse(text);
        if (!value) return value.error();
        target.push_back(std::move(*value));
      }
    } else {
      auto value = Kind::parse(values.back());
      if (!value) return value.error();
      target = static_cast<std::remove_reference_t<decltype(target)>>(std::move(*value));
    }
    return std::nullopt;
  }

  static std::string show(const Configuration& configuration) {
    const auto& value = reach<kPath...>(configuration);
    if constexpr (requires { Kind::kSeparator; }) {
      std::string joined;
      for (const auto& element : value)
        joined += (joined.empty() ? "" : ", ") + Kind::show(element);
      return joined;
    } else {
      return Kind::show(value);
    }
  }

  static std::vector<std::string> values(const Configuration& configuration) {
    const auto& value = reach<kPath...>(configuration);
    std::vector<std::string> written;
    if constexpr (requires { Kind::kSeparator; }) {
      for (const auto& element : value)
        written.push_back(write(element));
    } else {
      if (std::string text = write(value); !text.empty()) written.push_back(std::move(text));
    }
    return written;
  }

 private:
  template <class Value>
  static std::string write(const Value& value) {
    if constexpr (requires { Kind::write(value); }) {
      return Kind::write(value);
    } else {
      return Kind::show(value);
    }
  }
};

template <class Kind>
consteval ValueType type_of() {
  if constexpr (requires { Kind::kType; }) {
    return Kind::kType;
  } else {
    return ValueType::text;
  }
}

template <class Kind>
consteval Content content_of() {
  if constexpr (requires { Kind::kContent; }) {
    return Kind::kContent;
  } else {
    return Content::word;
  }
}

template <class Kind, auto... kPath>
constexpr Setting setting(SettingGroup group,
                          std::string_view name,
                          const Traits& traits,
                          std::string_view help) {
  using Field = Stored<Kind, kPath...>;
  char separator = 0;
  if constexpr (requires { Kind::kSeparator; }) separator = Kind::kSeparator;
  bool splits_flags = false;
  if constexpr (requires { Kind::kSplitsFlags; }) splits_flags = Kind::kSplitsFlags;
  return {.group = group,
          .name = name,
          .placeholder = Kind::kPlaceholder,
          .help = help,
          .set = Field::set,
          .show = Field::show,
          .values = Field::values,
          .type = type_of<Kind>(),
          .content = content_of<Kind>(),
          .scope = traits.scope,
          .when = traits.when,
          .since = traits.since,
          .letter = traits.letter,
          .list_separator = separator,
          .splits_flags = splits_flags};
}

}  // namespace onehop::config
