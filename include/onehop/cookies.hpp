// SPDX-License-Identifier: Apache-2.0
//
// Cookies reads the Cookie field of a request; SetCookie writes the Set-Cookie field of a response
// (RFC 6265, with SameSite and Partitioned of its revision).
//
//   const std::string_view id = onehop::Cookies(request.headers()).get_or_empty("session");
//   onehop::add_cookie(response, {.name = "session", .value = "31d4d96e", .http_only = true});
#pragma once

#include <onehop/error.hpp>
#include <onehop/headers.hpp>
#include <onehop/response.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop {

// Cookie is one cookie of a request. It is a view into the message.
struct Cookie {
  std::string_view name;   // a token
  std::string_view value;  // without surrounding quotes; not decoded
};

// Cookies is the list of a request's cookies, in order. Its views are valid as long as those of the
// request's headers.
// Thread: owner.
class Cookies {
 public:
  // Parses the Cookie fields. Skips pairs whose name is not a token, or whose value has a byte that
  // is not allowed in cookies.
  explicit Cookies(const Headers& headers);

  std::size_t size() const noexcept { return list_.size(); }
  bool empty() const noexcept { return list_.empty(); }
  std::vector<Cookie>::const_iterator begin() const noexcept { return list_.begin(); }
  std::vector<Cookie>::const_iterator end() const noexcept { return list_.end(); }

  // Returns the value of the first cookie with that name, which is case-sensitive.
  std::optional<std::string_view> get(std::string_view name) const noexcept;
  // The same, or "" if there is none.
  std::string_view get_or_empty(std::string_view name) const noexcept;

 private:
  std::vector<Cookie> list_;
};

// SameSite decides whether the client sends a cookie with requests that other sites cause. With
// `unset`, the client's default applies.
enum class SameSite : std::uint8_t { unset, lax, strict, none };

// SetCookie is a cookie to store at the client. Its parts are sent as they are, without quoting or
// escaping. It is a value.
// Thread: any.
struct SetCookie {
  std::string name;         // a token
  std::string value;        // without control characters, blanks, '"', ',', ';' and '\\'
  std::string path = {};    // "": the client derives it from the request
  std::string domain = {};  // "": only the host of the request
  // How long the client keeps the cookie; with neither, until the client is closed. A max_age of
  // zero or less deletes the cookie.
  std::optional<std::chrono::seconds> max_age = {};
  std::optional<std::chrono::system_clock::time_point> expires = {};
  bool secure = false;     // sent over https only
  bool http_only = false;  // hidden from scripts
  SameSite same_site = SameSite::unset;
  bool partitioned = false;  // kept separately for each top-level site

  // Returns the value of the Set-Cookie field. Returns Errc::bad_field if a part cannot be sent, or
  // if clients would refuse the cookie: SameSite=None, Partitioned, and names that begin with
  // __Secure- or __Host- require `secure`; __Host- also requires the path "/" and no domain.
  Result<std::string> to_string() const;
};

// Adds a Set-Cookie field. Throws std::invalid_argument if to_string() returns an error.
void add_cookie(Response& response, const SetCookie& cookie);

}  // namespace onehop
