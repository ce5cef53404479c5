// SPDX-License-Identifier: Apache-2.0
//
// Reads query parameters, form fields and cookies. An accepted text reads the same after it is
// written, and has one meaning. Input: a kind, then the text.

#include <onehop/cookies.hpp>
#include <onehop/parameters.hpp>
#include <onehop/url.hpp>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "fuzz_one.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace onehop::fuzz {
namespace {

void check_parameters(std::string_view text) {
  const Result<Parameters> read = Parameters::parse(text);
  if (!read) return;
  std::size_t size = 0;
  for (const Parameter& each : *read)
    size += each.name.size() + each.value.size();
  ONEHOP_CHECK(size <= text.size());
  const std::string written = read->to_string();
  Url url;
  ONEHOP_CHECK(url.set_query(written).has_value());
  const Result<Parameters> again = Parameters::parse(written);
  ONEHOP_CHECK(again.has_value() && again->size() == read->size());
  ONEHOP_CHECK(again->to_string() == written);
  auto other = again->begin();
  for (const Parameter& each : *read) {
    ONEHOP_CHECK(other->name == each.name && other->value == each.value);
    ONEHOP_CHECK(read->get(each.name).has_value());
    ++other;
  }
}

void check_cookies(std::string_view text) {
  Headers headers;
  if (!headers.try_add("Cookie", text)) return;
  std::string joined;
  const Cookies cookies(headers);
  for (const Cookie& cookie : cookies) {
    ONEHOP_CHECK(ascii::is_token(cookie.name));
    ONEHOP_CHECK(cookie.value.find_first_of(";\"\\\r\n") == std::string_view::npos);
    ONEHOP_CHECK(cookies.get(cookie.name).has_value());
    joined.append(cookie.name).append("=").append(cookie.value).append("; ");
    SetCookie set;
    set.name = cookie.name;
    set.value = cookie.value;
    set.secure = true;
    set.path = "/";
    const bool has_blank = cookie.value.find_first_of(" ,") != std::string_view::npos;
    ONEHOP_CHECK(set.to_string().has_value() == !has_blank);
  }
  Headers again;
  again.set("Cookie", joined);
  ONEHOP_CHECK(Cookies(again).size() == cookies.size());
}

// An accepted cookie has no more attributes than were requested.
void check_set_cookie(std::string_view text) {
  SetCookie cookie;
  cookie.name = take_text(text);
  cookie.value = take_text(text);
  cookie.path = take_text(text);
  cookie.domain = take_text(text);
  cookie.secure = true;
  const Result<std::string> written = cookie.to_string();
  if (!written) return;
  const auto semicolons = std::count(written->begin(), written->end(), ';');
  const int expected = 1 + (cookie.path.empty() ? 0 : 1) + (cookie.domain.empty() ? 0 : 1);
  ONEHOP_CHECK(semicolons == expected);
  Headers headers;
  ONEHOP_CHECK(headers.try_add("Set-Cookie", *written).has_value());
}

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.empty()) return;
  switch (take_byte(input)) {
    case 'c':
      check_cookies(input);
      break;
    case 's':
      check_set_cookie(input);
      break;
    default:
      check_parameters(input);
  }
}

}  // namespace onehop::fuzz
