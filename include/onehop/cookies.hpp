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

// A cookie of a request. A view into its message.
struct Cookie {
  std::string_view name;   // a token
  std::string_view value;  // without quotes around it; not decoded
};

// The cookies of a request, in order. Its views are valid as long as those of `headers`.
// Thread: owner.
class Cookies {
 public:
  // Pairs whose name is not a token, or whose value has a byte that no cookie may have, are
  // skipped.
  explicit Cookies(const Headers& headers);

  std::size_t size() const noexcept { return list_.size(); }
  bool empty() const noexcept { return list_.empty(); }
  std::vector<Cookie>::const_iterator begin() const noexcept { return list_.begin(); }
  std::vector<Cookie>::const_iterator end() const noexcept { return list_.end(); }

  // The value of the first cookie with that name, case-sensitive.
  std::optional<std::string_view> get(std::string_view name) const noexcept;
  // The same, or "" if there is none.
  std::string_view get_or_empty(std::string_view name) const noexcept;

 private:
  std::vector<Cookie> list_;
};

// Whether the client sends the cookie with requests that other sites cause. With `unset`, its own
// default applies.
enum class SameSite : std::uint8_t { unset, lax, strict, none };

// A cookie for a client. Its parts are sent as they are, without quotes or escapes. It is a value.
// Thread: any.
struct SetCookie {
  std::string name;         // a token
  std::string value;        // without controls, blanks, '"', ',', ';' and '\\'
  std::string path = {};    // "": that of the request
  std::string domain = {};  // "": the host of the request alone
  // How long the client keeps it; without either, until it is closed. Zero or less: not at all.
  std::optional<std::chrono::seconds> max_age = {};
  std::optional<std::chrono::system_clock::time_point> expires = {};
  bool secure = false;     // over https only
  bool http_only = false;  // not for scripts
  SameSite same_site = SameSite::unset;
  bool partitioned = false;  // a jar of its own for each top-level site

  // Returns the value of a Set-Cookie field. Errc::bad_field if a part cannot be sent, or if
  // clients would refuse the cookie: SameSite=None and Partitioned want `secure`, and so do names
  // that begin with __Secure- or __Host-; the latter also want the path "/" and no domain.
  Result<std::string> to_string() const;
};

// Adds a Set-Cookie field. Throws std::invalid_argument where to_string() returns an error.
void add_cookie(Response& response, const SetCookie& cookie);

}  // namespace onehop
