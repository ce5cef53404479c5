// SPDX-License-Identifier: Apache-2.0

#include <onehop/url.hpp>

#include "base/ascii.hpp"
#include "http/h1/byte_scan.hpp"
#include "http/host.hpp"
#include "http/query.hpp"
#include "http/url_syntax.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace onehop {
namespace {

// The size of sun_path in a socket address, without the terminating zero.
constexpr std::size_t kMaxSocketPath = 107;

std::unexpected<Error> bad_target(const char* detail) {
  return failure(Errc::bad_request, Side::client, detail);
}

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), ascii::to_lower);
  return lower;
}

// Checks the bytes of a target and the escapes of its path. The handler decides about OPTIONS *
// (RFC 9112 §3.2.4).
Result<void> check_target(std::string_view target) {
  const char* const end = target.data() + target.size();
  if (h1::skip_target(target.data(), end) != end) {
    return bad_target("a byte that is not allowed in a request target");
  }
  if (!has_valid_escapes(target.substr(0, target.find('?')))) {
    return bad_target("a malformed escape in the path");
  }
  return {};
}

// Escapes each '#': a request has no fragment, so a '#' is data that lacks its escape.
template <class Text>
Text with_escaped_hashes(std::string_view target) {
  if (target.find('#') == std::string_view::npos) return Text(target);
  Text escaped;
  for (const char c : target) {
    if (c == '#') {
      escaped += "%23";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// The parts of scheme "://" authority rest, where rest begins with '/', '?' or '#' or is empty.
struct Parts {
  std::string scheme;
  std::string_view user_info;  // with its '@'
  std::string_view authority;
  std::string_view rest;
};

Parts split(std::string_view text, std::size_t scheme_size) {
  Parts parts;
  parts.scheme = lowered(text.substr(0, scheme_size));
  text.remove_prefix(scheme_size + 3);
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  parts.authority = text.substr(0, end);
  parts.rest = text.substr(end);
  if (const std::size_t at = parts.authority.rfind('@'); at != std::string_view::npos) {
    parts.user_info = parts.authority.substr(0, at + 1);
    parts.authority.remove_prefix(at + 1);
  }
  return parts;
}

Result<Url> checked(Url url, const Result<void>& result) {
  if (!result) return failure(result.error());
  return url;
}

}  // namespace

Url::Url(Text target)
    : text_(std::move(target)),
      query_at_(text_.find('?')),
      path_is_empty_(text_.empty() || query_at_ == 0) {
  if (!path_is_empty_) return;
  text_.insert(0, 1, '/');
  if (query_at_ == 0) query_at_ = 1;
}

void Url::set_target(std::string_view path, std::string_view query, bool has_query) {
  std::string target(path.empty() ? std::string_view("/") : path);
  if (has_query) target.append("?").append(query);
  path_is_empty_ = path.empty();
  const std::size_t path_size = path_is_empty_ ? 1 : path.size();
  query_at_ = has_query ? path_at_ + path_size : std::string::npos;
  text_.replace(path_at_, std::string::npos, target);
}

// Sets port_ and authority_. Requires scheme_size_ and text_.
Result<void> Url::parse_authority(std::string_view text, bool from_wire) {
  std::string host_and_port(text);
  if (!from_wire) {
    Result<std::string> ascii_form = authority_to_ascii(text);
    if (!ascii_form) return failure(ascii_form.error());
    host_and_port = std::move(*ascii_form);
  }
  const std::optional<Authority> parts = split_authority(host_and_port);
  if (!parts) {
    if (from_wire) return bad_target("the target names no host");
    return bad_url(why_no_authority(host_and_port));
  }
  if (!from_wire && parts->bracketed && host_and_port.find('%') != std::string::npos) {
    return bad_url(
        "an IPv6 address with a zone is not supported: no link-local address can be reached");
  }
  const std::uint16_t standard = default_port(scheme());
  port_ = standard;
  if (!parts->port.empty()) {
    port_ = static_cast<std::uint16_t>(*ascii::parse_decimal(parts->port));
    if (port_ == 0 && from_wire) return bad_target("port 0 in the target");
    if (port_ == 0) return bad_url("bad port \"0\": it is 1 to 65535");
  }
  authority_ = parts->host;
  if (parts->bracketed) authority_.insert(0, 1, '[').push_back(']');
  if (port_ != standard) (authority_ += ':') += std::string_view(std::to_string(port_));
  return {};
}

Result<Url> Url::parse(std::string_view text) {
  const Result<std::size_t> scheme_size = find_scheme(text);
  if (!scheme_size) return failure(scheme_size.error());
  if (text.substr(0, *scheme_size).size() == 4 && lowered(text.substr(0, 4)) == "unix") {
    const Result<std::string_view> socket = find_socket_path(text.substr(5), kMaxSocketPath);
    if (!socket) return failure(socket.error());
    Url url;
    url.text_ = "unix:";
    url.text_.append(*socket).push_back('/');
    url.path_at_ = url.text_.size() - 1;
    url.path_is_empty_ = true;
    url.scheme_size_ = 4;
    url.authority_ = "localhost";
    return url;
  }
  const Parts parts = split(text, *scheme_size);
  if (!parts.user_info.empty()) {
    const Result<void> valid =
        check_user_info(parts.user_info.substr(0, parts.user_info.size() - 1));
    if (!valid) return failure(valid.error());
  }
  const std::string_view target = parts.rest.substr(0, parts.rest.find('#'));
  if (const Result<void> valid = check_configured_target(target); !valid) {
    return failure(valid.error());
  }
  Url url{Text(target)};
  const std::string prefix = parts.scheme + "://" + std::string(parts.user_info);
  url.text_.insert(0, std::string_view(prefix));
  url.path_at_ = prefix.size();
  if (url.query_at_ != std::string::npos) url.query_at_ += prefix.size();
  url.scheme_size_ = static_cast<std::uint8_t>(parts.scheme.size());
  const Result<void> authority = url.parse_authority(parts.authority, false);
  return checked(std::move(url), authority);
}

Result<Url> Url::parse_target(std::string_view target) {
  if (const Result<void> valid = check_target(target); !valid) return failure(valid.error());
  if (target == "*" || target.starts_with('/')) return Url(with_escaped_hashes<Text>(target));
  const std::size_t scheme_size = std::min(target.find("://"), target.size());
  const std::string scheme = lowered(target.substr(0, scheme_size));
  if (scheme_size == target.size() || (scheme != "http" && scheme != "https")) {
    return bad_target("the target is neither a path nor an http URL");
  }
  const Parts parts = split(target, scheme_size);
  // RFC 9110 §4.2.4: user info in an untrusted URL is meant to mislead.
  if (!parts.user_info.empty()) return bad_target("user info in the target");
  if (parts.rest.starts_with('#')) return bad_target("a fragment in the target");
  Url url{with_escaped_hashes<Text>(parts.rest)};
  url.text_.insert(0, std::string_view(scheme + "://"));
  url.path_at_ = scheme_size + 3;
  if (url.query_at_ != std::string::npos) url.query_at_ += url.path_at_;
  url.scheme_size_ = static_cast<std::uint8_t>(scheme_size);
  const Result<void> authority = url.parse_authority(parts.authority, true);
  return checked(std::move(url), authority);
}

std::string_view Url::scheme() const noexcept {
  return std::string_view(text_).substr(0, scheme_size_);
}

std::string_view Url::user_info() const noexcept {
  if (!is_absolute() || text_[path_at_ - 1] != '@' || scheme() == "unix") return {};
  const std::size_t begin = scheme_size_ + std::size_t{3};
  return std::string_view(text_).substr(begin, path_at_ - 1 - begin);
}

std::string_view Url::host() const noexcept {
  const std::string_view text = authority_;
  if (text.starts_with('[')) return text.substr(1, text.find(']') - 1);
  return text.substr(0, text.find(':'));
}

std::uint16_t Url::port() const noexcept {
  return port_;
}

std::string_view Url::socket_path() const noexcept {
  if (scheme() != "unix") return {};
  return std::string_view(text_).substr(5, path_at_ - 5);
}

std::string_view Url::path() const noexcept {
  if (path_is_empty_) return {};
  const std::size_t end = std::min(query_at_, text_.size());
  return std::string_view(text_).substr(path_at_, end - path_at_);
}

std::string_view Url::query() const noexcept {
  return has_query() ? std::string_view(text_).substr(query_at_ + 1) : std::string_view{};
}

std::string_view Url::target() const noexcept {
  return std::string_view(text_).substr(path_at_);
}

std::string Url::decoded_path() const {
  return percent_decoded(path());
}

std::string Url::to_string() const {
  if (!is_absolute()) return std::string(text_);
  if (scheme() == "unix") return std::string(text_, 0, path_at_);
  std::string text(scheme());
  text.append("://").append(authority_);
  if (!is_asterisk()) text.append(path());  // RFC 9112 §3.2.4: the URL of "*" has no path
  if (has_query()) text.append("?").append(query());
  return text;
}

Url Url::resolved_below(const Url& base) const& {
  Url url{Unset()};
  url.authority_ = base.authority_;
  url.path_at_ = base.path_at_;
  url.port_ = base.port_;
  url.scheme_size_ = base.scheme_size_;
  Text& text = url.text_;
  text.reserve(base.text_.size() + text_.size() + 2);
  text.append(base.text_, 0, base.path_at_);
  if (is_asterisk()) {  // concerns the whole server, wherever its paths begin
    text += '*';
    return url;
  }
  const std::string_view above = base.path();
  std::string_view own = path();
  text += above;
  const bool base_slash = above.ends_with('/');
  if (base_slash && own.starts_with('/')) own.remove_prefix(1);
  if (!base_slash && !own.starts_with('/')) text += '/';
  text += own;
  const std::string_view base_query = base.query();
  if (!has_query() && base_query.empty()) return url;
  url.query_at_ = text.size();
  text += '?';
  text += base_query;
  if (!base_query.empty() && !query().empty()) text += '&';
  text += query();
  return url;
}

// Most bases do not have a path. Then only the beginning changes, and the text keeps its memory.
Url Url::resolved_below(const Url& base) && {
  const bool is_bare = base.text_.size() == base.path_at_ + 1 && base.text_.back() == '/';
  if (!is_bare || text_[path_at_] != '/') return std::as_const(*this).resolved_below(base);
  text_.replace(0, path_at_, base.text_, 0, base.path_at_);
  authority_ = base.authority_;
  if (has_query()) query_at_ += base.path_at_ - path_at_;
  path_at_ = base.path_at_;
  port_ = base.port_;
  scheme_size_ = base.scheme_size_;
  path_is_empty_ = false;
  return std::move(*this);
}

Url Url::without_authority() const {
  Url url{Text(target())};
  url.path_is_empty_ = false;
  return url;
}

Result<void> Url::set_path(std::string_view escaped) {
  const bool begins_well =
      escaped.empty() || escaped.front() == '/' || (escaped == "*" && !has_query());
  if (!begins_well) return bad_url("a path begins with a slash");
  if (escaped.find_first_of("?#") != std::string_view::npos) {
    return bad_url("a '?' or '#' in a path needs escaping");
  }
  if (const Result<void> valid = check_configured_target(escaped); !valid) return valid;
  const std::string query(this->query());
  set_target(std::string(escaped), query, has_query());
  return {};
}

Result<void> Url::set_query(std::string_view escaped) {
  const bool valid = std::all_of(escaped.begin(), escaped.end(), ascii::is_target_byte) &&
                     escaped.find('#') == std::string_view::npos;
  if (!valid) return bad_url("a byte in the query needs escaping");
  if (is_asterisk() && !escaped.empty()) return bad_url("\"*\" has no query");
  const std::string path(this->path());
  set_target(path, std::string(escaped), !escaped.empty());
  return {};
}

void Url::clean_query() {
  if (!needs_cleaning(query())) return;
  const std::string path(this->path());
  const std::string clean = cleaned_query(query());
  set_target(path, clean, !clean.empty());
}

Url literals::operator""_url(const char* text, std::size_t size) {
  Result<Url> url = Url::parse({text, size});
  if (!url) throw std::invalid_argument(std::string(url.error().detail()));
  return std::move(*url);
}

}  // namespace onehop
