// SPDX-License-Identifier: Apache-2.0
//
// Parameters are the names and values of a query or of a form, in order:
//
//   const auto query = onehop::Parameters::parse(request.url().query());
//   if (query && query->get("page") == "2") ...
//   url.set_query(onehop::Parameters{{"q", "a b"}, {"page", "2"}}.to_string());
//
// It is a value. Source: the application/x-www-form-urlencoded format of the WHATWG URL standard.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop {

// Parameter is one name with its value.
struct Parameter {
  std::string name;   // decoded
  std::string value;  // decoded
};

class Parameters {
 public:
  // The maximum number of parameters that parse() accepts.
  static constexpr std::size_t kMaxParameters = 10'000;

  Parameters() = default;
  // Parameters{{"q", "a b"}}. The texts are unescaped.
  Parameters(std::initializer_list<Parameter> list) : list_(list) {}

  // Parses "a=1&b=2". It replaces '+' by a space and escapes such as "%20" by their bytes, which
  // need not be text, and skips empty pairs. A name without '=' has an empty value. Returns
  // Errc::bad_request (Side::client) if an escape is malformed or a ';' is not escaped, which
  // parsers read differently; Errc::limit_exceeded if there are more than kMaxParameters.
  static Result<Parameters> parse(std::string_view text);

  std::size_t size() const noexcept { return list_.size(); }
  bool empty() const noexcept { return list_.empty(); }
  std::vector<Parameter>::const_iterator begin() const noexcept { return list_.begin(); }
  std::vector<Parameter>::const_iterator end() const noexcept { return list_.end(); }

  // Returns the value of the first parameter with that name, which is case-sensitive. The view is
  // valid until this object changes.
  std::optional<std::string_view> get(std::string_view name) const noexcept;
  // The same, or "" if there is none.
  std::string_view get_or_empty(std::string_view name) const noexcept;
  // Reports whether there is a parameter with that name.
  bool has(std::string_view name) const noexcept { return get(name).has_value(); }
  // Every value with that name, in order.
  std::vector<std::string_view> get_all(std::string_view name) const;

  // add() appends a parameter; set() replaces the first one with that name and removes the others.
  void add(std::string name, std::string value);
  void set(std::string_view name, std::string value);
  // Removes all parameters with that name and returns their number.
  std::size_t erase(std::string_view name);

  // Returns "a=1&b=2", escaped, for Url::set_query() or as the content of a form.
  std::string to_string() const;

 private:
  std::vector<Parameter> list_;
};

}  // namespace onehop
