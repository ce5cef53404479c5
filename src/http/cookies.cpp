// SPDX-License-Identifier: Apache-2.0

#include <onehop/cookies.hpp>

#include "base/ascii.hpp"
#include "http/date.hpp"

#include <algorithm>
#include <stdexcept>

namespace onehop {
namespace {

// RFC 6265 §4.1.1: cookie-octet.
bool is_cookie_byte(char c) noexcept {
  return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

bool is_cookie_value(std::string_view text) noexcept {
  return std::ranges::all_of(text, is_cookie_byte);
}

// Browsers send blanks and commas, which are not ambiguous between semicolons.
bool is_received_value(std::string_view text) noexcept {
  return std::ranges::all_of(text,
                             [](char c) { return is_cookie_byte(c) || c == ' ' || c == ','; });
}

std::string_view unquoted(std::string_view text) noexcept {
  const bool is_quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return is_quoted ? text.substr(1, text.size() - 2) : text;
}

std::optional<Cookie> cookie_in(std::string_view pair) noexcept {
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view name = ascii::trim_blanks(pair.substr(0, equals));
  const std::string_view value = unquoted(ascii::trim_blanks(pair.substr(equals + 1)));
  if (!ascii::is_token(name) || !is_received_value(value)) return std::nullopt;
  return Cookie{name, value};
}

bool is_path(std::string_view text) noexcept {
  return text.starts_with('/') &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f && c != ';'; });
}

bool is_domain(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '.';
  });
}

// Clients compare these prefixes without case.
bool begins_with(std::string_view name, std::string_view prefix) noexcept {
  return ascii::equals_ignoring_case(name.substr(0, prefix.size()), prefix);
}

// Returns why the cookie cannot be sent, or null.
const char* problem_with(const SetCookie& cookie) noexcept {
  if (!ascii::is_token(cookie.name)) return "the name of a cookie is not a token";
  if (!is_cookie_value(cookie.value)) return "the value of a cookie has a byte that is not allowed";
  if (!cookie.path.empty() && !is_path(cookie.path)) return "the path of a cookie is not a path";
  if (!is_domain(cookie.domain)) return "the domain of a cookie is not a host name";
  const bool is_host = begins_with(cookie.name, "__Host-");
  if (!cookie.secure) {
    if (cookie.same_site == SameSite::none) return "a cookie with SameSite=None must be secure";
    if (cookie.partitioned) return "a partitioned cookie must be secure";
    if (is_host || begins_with(cookie.name, "__Secure-")) {
      return "a __Secure- or __Host- cookie must be secure";
    }
  }
  if (is_host && (cookie.path != "/" || !cookie.domain.empty())) {
    return "a __Host- cookie must have the path / and no domain";
  }
  return nullptr;
}

// Returns `time` as a date, clamped to the years 1970 to 9999.
std::string date_text(std::chrono::system_clock::time_point time) {
  constexpr std::int64_t kLast = 253'402'300'799;  // the end of 9999
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  return std::string(ImfDate(std::clamp<std::int64_t>(seconds, 0, kLast)).text());
}

std::string_view text_of(SameSite same_site) noexcept {
  switch (same_site) {
    case SameSite::unset:
      return "";
    case SameSite::lax:
      return "; SameSite=Lax";
    case SameSite::strict:
      return "; SameSite=Strict";
    case SameSite::none:
      return "; SameSite=None";
  }
  return "";
}

}  // namespace

Cookies::Cookies(const Headers& headers) {
  for (const Field field : headers) {
    if (!ascii::equals_ignoring_case(field.name, "Cookie")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      if (const auto cookie = cookie_in(rest.substr(0, end))) list_.push_back(*cookie);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
}

std::optional<std::string_view> Cookies::get(std::string_view name) const noexcept {
  const auto found = std::ranges::find(list_, name, &Cookie::name);
  if (found == list_.end()) return std::nullopt;
  return found->value;
}

std::string_view Cookies::get_or_empty(std::string_view name) const noexcept {
  return get(name).value_or(std::string_view());
}

Result<std::string> SetCookie::to_string() const {
  if (const char* const problem = problem_with(*this)) {
    return failure(Errc::bad_field, Side::local, problem);
  }
  std::string text = name + "=" + value;
  if (!path.empty()) text.append("; Path=").append(path);
  if (!domain.empty()) text.append("; Domain=").append(domain);
  if (max_age) {
    text.append("; Max-Age=").append(std::to_string(std::max<std::int64_t>(0, max_age->count())));
  }
  if (expires) text.append("; Expires=").append(date_text(*expires));
  text.append(text_of(same_site));
  if (secure) text.append("; Secure");
  if (http_only) text.append("; HttpOnly");
  if (partitioned) text.append("; Partitioned");
  return text;
}

void add_cookie(Response& response, const SetCookie& cookie) {
  const Result<std::string> text = cookie.to_string();
  if (!text) throw std::invalid_argument(text.error().to_string());
  response.headers().add("Set-Cookie", *text);
}

}  // namespace onehop
