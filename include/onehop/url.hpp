// SPDX-License-Identifier: Apache-2.0
//
// Url is an absolute URL ("http://host:80/p?q") or a request target ("/p?q", "*"). It is always
// valid, keeps the escaped text byte for byte, and never normalizes it. It is a value.
// Grammar: RFC 3986; request targets: RFC 9112 §3.2.
// Thread: any.
#pragma once

#include <onehop/detail/memory.hpp>
#include <onehop/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace onehop {

class Url {
 public:
  Url() : Url(Text("/")) {}  // the origin-form "/"

  // Parses an absolute URL with a host, or unix:PATH (a stream socket). Schemes: http, https, h2c,
  // unix. A host outside ASCII is converted to its IDNA form. The fragment is dropped. User info
  // may contain what RFC 3986 §3.2.1 allows. Returns Errc::bad_url for other texts; its detail says
  // what is wrong and where.
  static Result<Url> parse(std::string_view text);
  // Parses a request target: origin-form, absolute-form (http and https) or "*". Blanks, control
  // characters, bytes above 0x7e and malformed escapes in the path are errors; '#' becomes %23.
  static Result<Url> parse_target(std::string_view target);

  // Reports whether it has a scheme and an authority. Otherwise it is only a target.
  bool is_absolute() const noexcept { return scheme_size_ != 0; }
  // Reports whether it is "*", the target of a server-wide OPTIONS.
  bool is_asterisk() const noexcept { return path() == "*"; }

  std::string_view scheme() const noexcept;     // lower case; "" for a target
  std::string_view user_info() const noexcept;  // never sent anywhere
  std::string_view host() const noexcept;       // without port; IPv6 without brackets or zone
  std::uint16_t port() const noexcept;          // explicit, or the scheme's default; 0 for unix
  // "host" or "host:port" as in a Host field, with brackets and without the default port.
  std::string_view authority() const noexcept { return authority_; }
  // For unix: the path of the socket.
  std::string_view socket_path() const noexcept;

  std::string_view path() const noexcept;   // escaped, as received; may be ""
  std::string_view query() const noexcept;  // escaped, without '?'
  bool has_query() const noexcept { return query_at_ != std::string::npos; }  // true for "/x?"
  // Path and query as in a request line; "/" stands for an empty path.
  std::string_view target() const noexcept;
  // Returns the path with its escapes replaced by their bytes, which need not be text and may be
  // '/' or 0.
  std::string decoded_path() const;
  // The whole URL, without user info.
  std::string to_string() const;

  // Returns this target below `base`: it has the scheme and authority of `base`, the paths of both
  // joined with exactly one slash, and the queries of both joined with '&'. "/dir" below "/base" is
  // "/base/dir".
  Url resolved_below(const Url& base) const&;
  Url resolved_below(const Url& base) &&;
  // Returns the same path and query without scheme and authority.
  Url without_authority() const;

  // set_path() and set_query() replace a part. The query is without '?', and "" removes it. They
  // return Errc::bad_url, and change nothing, if the text is not a valid path or query.
  Result<void> set_path(std::string_view escaped);
  Result<void> set_query(std::string_view escaped);
  // Removes query parameters that two parsers could read differently (those with a ';' or a
  // malformed escape) and sorts the others by key. A query without such parameters is not changed.
  // For hooks that decide by parameter. At most 10,000 parameters are kept.
  void clean_query();

  friend bool operator==(const Url& a, const Url& b) noexcept {
    return a.authority_ == b.authority_ && a.text_ == b.text_;
  }

 private:
  using Text = std::basic_string<char, std::char_traits<char>, detail::FramePoolAllocator<char>>;

  // Splits a target; the caller sets the scheme and the authority.
  explicit Url(Text target);
  struct Unset {};
  explicit Url(Unset) noexcept {}
  void set_target(std::string_view path, std::string_view query, bool has_query);
  Result<void> parse_authority(std::string_view text, bool from_wire);

  // text_ is an optional prefix and the target, which begins at path_at_ and is never empty:
  //   /p?q                       no prefix
  //   http://user@  /p?q         the host is in authority_
  //   unix:/run/x.sock  /        the socket's path is in the prefix, and authority_ is "localhost"
  Text text_;
  Text authority_;
  std::size_t path_at_ = 0;
  std::size_t query_at_ = std::string::npos;  // of the '?'
  std::uint16_t port_ = 0;
  std::uint8_t scheme_size_ = 0;
  bool path_is_empty_ = false;  // the '/' in text_ stands for an empty path
};

namespace literals {
// "http://127.0.0.1:9000"_url. Throws std::invalid_argument if the text is not a URL.
Url operator""_url(const char* text, std::size_t size);
}  // namespace literals

}  // namespace onehop
