// SPDX-License-Identifier: Apache-2.0

#include "http/h2/field_mapping.hpp"

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/field_rules.hpp"
#include "http/h1/byte_scan.hpp"
#include "http/header_lines.hpp"
#include "http/host.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <random>

namespace onehop::h2 {
namespace {

constexpr std::size_t kLineOverhead = 32;  // RFC 9113 §6.5.2
// A larger Content-Length is invalid. The maximum std::uint64_t stands for "unknown".
constexpr std::uint64_t kMaxContent = std::numeric_limits<std::int64_t>::max();
constexpr std::string_view kWebSocket = "websocket";
constexpr std::string_view kHost = "host";
constexpr std::size_t kRestOfRequestLine = std::string_view("  HTTP/1.1").size();
// No meaningful value of :scheme, :protocol or :status is longer.
constexpr std::size_t kLongestToken = 64;

// RFC 9113 §8.2.2. TE is checked separately.
constexpr std::uint64_t kConnectionSpecific =
    bit_of(FieldId::connection) | bit_of(FieldId::keep_alive) | bit_of(FieldId::proxy_connection) |
    bit_of(FieldId::transfer_encoding) | bit_of(FieldId::upgrade);

bool has_blank_edge(std::string_view value) noexcept {
  return !value.empty() && (ascii::is_blank(value.front()) || ascii::is_blank(value.back()));
}

// 16 random bytes in base64 (RFC 6455 §4.1). The key guards against caches and need not be secret.
std::string_view make_websocket_key(Arena& memory) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static thread_local std::minstd_rand random{std::random_device{}()};
  auto* text = static_cast<char*>(memory.allocate(24));
  for (std::size_t i = 0; i < 21; ++i)
    text[i] = kDigits[random() % 64];
  text[21] = kDigits[(random() % 4) * 16];  // the last two bits of the last byte
  text[22] = text[23] = '=';
  return {text, 24};
}

}  // namespace

FieldSection::FieldSection(Kind kind, Side side, ArenaRef arena, const FieldLimits& limits)
    : arena_(std::move(arena)),
      memory_(arena_),
      headers_(HeaderWriter::headers_in(memory_)),
      limits_(limits),
      kind_(kind),
      side_(side) {}

// Lays the line out as on the wire, so that writing it as HTTP/1 is one copy.
void FieldSection::append(FieldId id, std::string_view name, std::string_view value) {
  if (dropped_) return;
  if (interim_) interim_->bytes += name.size() + value.size() + kLineOverhead;
  char* const out = memory_->allocate_text(name.size() + value.size() + 4);
  std::memcpy(out, name.data(), name.size());
  std::memcpy(out + name.size(), ": ", 2);
  char* const value_data = out + name.size() + 2;
  if (!value.empty()) std::memcpy(value_data, value.data(), value.size());
  std::memcpy(value_data + value.size(), "\r\n", 2);
  HeaderWriter(headers_).append({.name_data = out,
                                 .value_data = value_data,
                                 .value_size = static_cast<std::uint32_t>(value.size()),
                                 .name_size = static_cast<std::uint16_t>(name.size()),
                                 .id = id,
                                 .verbatim = true});
}

// Returns false if the line exceeds a limit.
bool FieldSection::count(std::string_view name, std::string_view value) noexcept {
  if (kind_ == Kind::request && (name == ":method" || name == ":path")) {
    start_line_ += value.size();
    if (start_line_ + kRestOfRequestLine > limits_.max_start_line) reject(Verdict::line_too_long);
    return is_fine();
  }
  const bool is_authority = name == ":authority";
  if (name.starts_with(':') && !is_authority) return true;
  ++fields_;
  field_bytes_ += (is_authority ? kHost.size() : name.size()) + value.size() + kLineOverhead;
  const bool is_too_large = field_bytes_ > limits_.max_bytes || fields_ > limits_.max_fields ||
                            name.size() > std::numeric_limits<std::uint16_t>::max();
  if (is_too_large) reject(Verdict::too_large);
  return !is_too_large;
}

void FieldSection::add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kLineOverhead;
  if (!is_fine() || !count(name, value)) return;
  if (!h1::is_value(value)) return fail_in(name, "a byte that is not allowed in a field value");
  if (!name.empty() && name.front() == ':') {
    if (has_blank_edge(value)) return fail_in(name, "a blank at the edge of a pseudo-field");
    add_pseudo(name, value);
  } else {
    // HTTP/1 recipients ignore blanks around a value, and some clients send them, although RFC 9113
    // §8.2.1 calls them malformed. The blanks are removed.
    add_regular(name, has_blank_edge(value) ? ascii::trim_blanks(value) : value);
  }
}

// Fails with a text for the log that names the field and lives as long as the stream.
void FieldSection::fail_in(std::string_view name, std::string_view problem) {
  if (!is_fine()) return;
  constexpr std::size_t kLongestName = 64;
  std::string text(problem);
  text += ": ";
  for (const char c : name.substr(0, kLongestName))
    text += c > ' ' && c <= '~' ? c : '?';
  if (name.size() > kLongestName) text += "...";
  text += '\0';
  fail(arena_->copy(text).data());
}

void FieldSection::take_pseudo(std::string_view& place, std::string_view value) {
  if (place.data() != nullptr) return fail("a duplicate pseudo-field");
  place = memory_->copy(value);
}

void FieldSection::add_pseudo(std::string_view name, std::string_view value) {
  if (regular_seen_) return fail("a pseudo-field after a regular field");
  if (kind_ == Kind::request) {
    if (name == ":method") return take_pseudo(method_, value);
    if (name == ":authority") return take_pseudo(authority_, value);
    if (name == ":path") return take_pseudo(path_, value);
    if (value.size() > kLongestToken) return fail("the value of a pseudo-field is too long");
    if (name == ":scheme") return take_pseudo(scheme_, value);
    if (name == ":protocol") return take_pseudo(protocol_, value);
  } else if (kind_ == Kind::response && name == ":status" && value.size() <= kLongestToken) {
    if (value.starts_with('1')) {
      move_to_interim();
    } else {
      interim_ = nullptr;
    }
    return take_pseudo(status_, value);
  }
  fail("an unexpected pseudo-field");
}

// :status comes first, so no line has been kept yet.
void FieldSection::move_to_interim() {
  if (!interim_ || status_.data() != nullptr) return;
  if (!interim_->arena) interim_->arena = Arena::create();
  memory_ = interim_->arena;
  headers_ = HeaderWriter::headers_in(memory_);
  dropped_ = interim_->bytes >= kMaxInterim;
}

void FieldSection::add_regular(std::string_view name, std::string_view value) {
  regular_seen_ = true;
  if (!h1::is_lower_case_token(name)) {
    return fail_in(name, "a field name that is not a lower-case token");
  }
  const FieldId id = find_field(name);
  if (is_in(kConnectionSpecific, id)) return fail_in(name, "a connection-specific field");
  if (id == FieldId::te && (kind_ != Kind::request || value != "trailers")) {
    return fail("TE is not trailers");
  }
  if (id == FieldId::content_length && kind_ != Kind::trailers) parse_length(value);
  if (id == FieldId::cookie) ++cookies_;
  append(id, name, value);
}

void FieldSection::parse_length(std::string_view value) {
  if (content_length_) return fail("Content-Length twice");
  content_length_ = ascii::parse_decimal(value);
  if (!content_length_ || *content_length_ > kMaxContent) {
    fail("Content-Length is not a valid number");
  }
}

const char* FieldSection::finish() noexcept {
  if (is_fine()) {
    if (kind_ == Kind::request) finish_request();
    if (kind_ == Kind::response) finish_response();
  }
  return problem_;
}

Error FieldSection::malformed() const {
  return Error(side_ == Side::client ? Errc::bad_request : Errc::bad_response, side_, problem_);
}

Result<void> FieldSection::check() const {
  switch (verdict_) {
    case Verdict::fine:
      break;
    case Verdict::malformed:
      return failure(malformed());
    case Verdict::line_too_long:
      return failure(Errc::request_line_too_long, side_);
    case Verdict::too_large:
      return failure(side_ == Side::client ? Errc::head_too_large : Errc::response_head_too_large,
                     side_);
  }
  return {};
}

// --- requests ----------------------------------------------------------------------------------

// RFC 9113 §8.3.1, §8.5; RFC 8441 §4.
void FieldSection::finish_request() noexcept {
  const bool has_authority = authority_.data() != nullptr;
  const bool has_protocol = protocol_.data() != nullptr;
  if (method_.empty()) return fail("no :method");
  if (method_ == "CONNECT" && !has_protocol) {
    if (scheme_.data() != nullptr || path_.data() != nullptr || !has_authority) {
      fail("CONNECT with the wrong pseudo-fields");
    }
    return;
  }
  if (has_protocol && method_ != "CONNECT") return fail(":protocol without CONNECT");
  if (has_protocol && !has_authority) return fail("an extended CONNECT without :authority");
  if (scheme_ != "http" && scheme_ != "https") return fail(":scheme is not http or https");
  if (path_.empty()) return fail("no :path");
  if (!path_.starts_with('/') && path_ != "*") return fail(":path does not begin with a slash");
  if (!has_authority && !HeaderLines(headers_).has(FieldId::host))
    fail("neither :authority nor Host");
}

// :authority becomes the only Host field (RFC 9113 §8.3.1). If both are present, they must agree.
Result<void> FieldSection::settle_host() {
  const auto wrong = [](const char* what) {
    return failure(Errc::bad_request, Side::client, what);
  };
  const auto hosts = headers_.get_all(field::host);
  if (hosts.size() > 1) return wrong("more than one Host field");
  if (authority_.data() == nullptr) {
    if (!split_authority(hosts.front())) return wrong("the Host field is not a valid host");
    authority_ = hosts.front();
    return {};
  }
  if (!split_authority(authority_)) return wrong(":authority is not a valid host");
  if (!hosts.empty()) {
    if (!ascii::equals_ignoring_case(hosts.front(), authority_)) {
      return wrong(":authority and Host differ");
    }
    return {};
  }
  append(FieldId::host, kHost, authority_);
  return {};
}

// Joins the Cookie lines: outside HTTP/2 they must be one field (RFC 9113 §8.2.3).
void FieldSection::join_cookies() {
  if (cookies_ < 2) return;
  std::string joined;
  for (const std::string_view crumb : headers_.get_all(field::cookie)) {
    if (!joined.empty()) joined += "; ";
    joined += crumb;
  }
  headers_.set(detail::FieldNames::make(FieldId::cookie, "cookie"), joined);
}

// Turns the request into the HTTP/1.1 form that handlers expect, an Upgrade to WebSocket (RFC 8441
// §5).
void FieldSection::become_upgrade() {
  headers_.erase(field::sec_websocket_key);
  headers_.add("connection", "Upgrade");
  headers_.add("upgrade", kWebSocket);
  headers_.add("sec-websocket-key", make_websocket_key(*arena_));
  method_ = "GET";
}

Result<Request> FieldSection::take_request() {
  finish();
  if (auto checked = check(); !checked) return failure(checked.error());
  const auto wrong = [](const char* what) {
    return failure(Errc::bad_request, Side::client, what);
  };
  const bool is_connect = method_ == "CONNECT";
  if (is_connect && protocol_ != kWebSocket) {
    return failure(
        Errc::unsupported_method, Side::client,
        protocol_.data() ? "CONNECT to an unsupported protocol" : "CONNECT is not supported");
  }
  if (auto host = settle_host(); !host) return failure(host.error());
  if (is_connect) become_upgrade();
  const auto method = Method::parse(method_);
  if (!method && ascii::is_token(method_)) {
    return failure(Errc::unsupported_method, Side::client, "the method is too long");
  }
  if (!method) return wrong(":method is not a token");
  if (path_ == "*" && *method != Method::options) return wrong("the target * is for OPTIONS only");
  auto url = Url::parse_target(path_);
  if (!url) return failure(url.error());
  join_cookies();
  return Request(*method, std::move(*url), std::move(headers_));
}

// --- responses and trailers --------------------------------------------------------------------

// RFC 9113 §8.3.2; RFC 9110 §8.6: an interim response has no length. The length of a 204 is ignored
// (RFC 9113 §8.1.1), as over HTTP/1.
void FieldSection::finish_response() noexcept {
  const bool digits =
      status_.size() == 3 && std::all_of(status_.begin(), status_.end(), ascii::is_digit);
  if (!digits || status_.front() < '1' || status_.front() > '5') {
    return fail(":status is outside 100 to 599");
  }
  if (status_ == "101") return fail("a 101 over HTTP/2");
  if (content_length_ && is_informational()) fail("a Content-Length in a message without content");
}

Result<Response> FieldSection::take_response() {
  finish();
  if (auto checked = check(); !checked) return failure(checked.error());
  const int code = (status_[0] - '0') * 100 + (status_[1] - '0') * 10 + (status_[2] - '0');
  return Response(Status(code), std::move(headers_));
}

Result<Headers> FieldSection::take_trailers() {
  if (auto checked = check(); !checked) return failure(checked.error());
  HeaderWriter(headers_).erase_if(
      [](const FieldLine& line) { return is_forbidden_in_trailers(line.id, line.field().name); });
  return std::move(headers_);
}

}  // namespace onehop::h2
