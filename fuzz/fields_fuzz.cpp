// SPDX-License-Identifier: Apache-2.0
//
// Interprets the field values that the proxy reads: Connection, X-Forwarded-* and Forwarded,
// Upgrade, Accept, Content-Type and the WebSocket key. The forwarded fields must be those that the
// rules require. Input: a kind (or the number of an error to respond with), then lines of name,
// NUL, value, NUL; invalid fields are skipped.

#include <onehop/request.hpp>

#include "base/check.hpp"
#include "head_fuzz.hpp"
#include "http/error_status.hpp"
#include "http/field_names.hpp"
#include "http/field_rules.hpp"
#include "http/hop_by_hop.hpp"
#include "http/list_value.hpp"
#include "http/media_type.hpp"
#include "http/message_access.hpp"
#include "http/websocket_handshake.hpp"
#include "proxy/error_response.hpp"
#include "proxy/forwarded.hpp"
#include "proxy/upgrade.hpp"

#include <vector>

namespace onehop::fuzz {
namespace {

using namespace onehop::literals;  // NOLINT(google-build-using-namespace)

constexpr std::string_view kPeer = "192.0.2.1";

Headers headers_of(std::string_view rest) {
  Headers headers;
  while (!rest.empty() && headers.size() < 64) {
    const std::string_view name = take_text(rest);
    (void)headers.try_add(name, ascii::trim_blanks(take_text(rest)));
  }
  return headers;
}

std::string text_of(const Headers& headers) {
  std::string text;
  for (const Field field : headers)
    text.append(field.name).append(": ").append(field.value).append("\n");
  return text;
}

// Splits the list independently of the code under test.
std::vector<std::string> members_of(std::string_view value) {
  std::vector<std::string> members;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t comma = std::min(value.find(',', at), value.size());
    const std::string_view member = ascii::trim_blanks(value.substr(at, comma - at));
    if (!member.empty()) members.emplace_back(member);
    at = comma + 1;
  }
  return members;
}

void check_lists(const Headers& headers) {
  for (const Field field : headers) {
    const std::vector<std::string> expected = members_of(field.value);
    std::size_t count = 0;
    for (const std::string_view member : ListMembers(field.value)) {
      ONEHOP_CHECK(count < expected.size() && member == expected[count]);
      ONEHOP_CHECK(list_has(field.value, member));
      ++count;
    }
    ONEHOP_CHECK(count == expected.size());
  }
}

bool is_named(const Headers& headers, std::string_view name) {
  for (const std::string_view value : headers.get_all("Connection")) {
    for (const std::string& member : members_of(value)) {
      if (ascii::equals_ignoring_case(member, name)) return true;
    }
  }
  return false;
}

void check_hop_by_hop(const Headers& before) {
  Headers after = before.clone();
  remove_hop_by_hop(after);
  std::string expected;
  for (const Field field : before) {
    const FieldId id = find_field(field.name);
    if (is_hop_by_hop(id)) continue;
    const bool stays = is_protected_from_connection(id, field.name) ||
                       ascii::equals_ignoring_case(field.name, "close");
    if (is_named(before, field.name) && !stays) continue;
    expected.append(field.name).append(": ").append(field.value).append("\n");
  }
  ONEHOP_CHECK(text_of(after) == expected);
  remove_hop_by_hop(after);
  ONEHOP_CHECK(text_of(after) == expected);
}

// Returns the variable that a CGI program derives from the name.
std::string cgi_name_of(std::string_view name) {
  std::string variable;
  for (const char c : name) {
    const bool is_plain = ascii::is_alpha(c) || ascii::is_digit(c);
    variable += is_plain ? ascii::to_lower(c) : '_';
  }
  return variable;
}

void check_claims(const Headers& out, bool trusted) {
  for (const Field field : out) {
    const std::string variable = cgi_name_of(field.name);
    ONEHOP_CHECK(variable != "proxy");
    const bool is_in_family = variable.starts_with("x_forwarded_") && variable != "x_forwarded_";
    if (!is_in_family && variable != "x_real_ip") continue;
    ONEHOP_CHECK(field.name.find_first_of("!#$%&'*+.^_`|~") == std::string_view::npos);
    const bool is_own = variable == "x_forwarded_for" || variable == "x_forwarded_host" ||
                        variable == "x_forwarded_proto";
    ONEHOP_CHECK(trusted || is_own);
  }
}

// Fields of a trusted peer are forwarded, fields of an untrusted peer are not.
void check_forwarded(const Headers& headers) {
  Request in(Method::get, "http://h/"_url, headers.clone());
  ConnectionInfo connection;
  connection.peer = kPeer;
  MessageAccess::set_connection(in, connection);
  for (const bool trusted : {false, true}) {
    Headers out = headers.clone();
    if (trusted) {
      remove_false_claims(out, {});
      append_forwarded(in, out);
    } else {
      remove_claims(out, {});
      ONEHOP_CHECK(!out.has("Forwarded"));
      add_forwarded(in, out);
    }
    check_claims(out, trusted);
    const auto chains = out.get_all("X-Forwarded-For");
    ONEHOP_CHECK(chains.size() == 1);
    std::vector<std::string> expected;
    for (const std::string_view line : headers.get_all("X-Forwarded-For")) {
      const auto members = members_of(line);
      if (trusted) expected.insert(expected.end(), members.begin(), members.end());
    }
    expected.emplace_back(kPeer);
    ONEHOP_CHECK(members_of(chains.front()) == expected);
    ONEHOP_CHECK(out.get_all("X-Forwarded-Proto").size() == 1);
    if (!trusted) ONEHOP_CHECK(out.get_or_empty("X-Forwarded-Proto") == "http");
    ONEHOP_CHECK(out.get_all("X-Forwarded-Host").size() <= 1);
    add_forwarded_element(in, out);
    check_fields(out);
  }
}

void check_upgrade(const Headers& headers) {
  for (const Version version : {Version::http_1_0, Version::http_1_1}) {
    Request request(Method::get, Url(), headers.clone());
    ConnectionInfo connection;
    connection.version = version;
    MessageAccess::set_connection(request, connection);
    const std::string_view chosen = upgrade_to_ask_for(request, {"websocket", "x"});
    if (chosen.empty()) continue;
    ONEHOP_CHECK(version == Version::http_1_1 && is_named(headers, "upgrade"));
    ONEHOP_CHECK(ascii::equals_ignoring_case(chosen, "websocket") ||
                 ascii::equals_ignoring_case(chosen, "x"));
    ONEHOP_CHECK(headers.has_token("Upgrade", chosen));
    (void)is_websocket_handshake(request);
  }
  const std::string accept = websocket_accept(headers.get_or_empty("Sec-WebSocket-Key"));
  ONEHOP_CHECK(accept.size() == 28 && accept.back() == '=');
}

void check_error_answers(const Headers& headers, std::uint8_t kind) {
  constexpr unsigned kErrors = static_cast<unsigned>(Errc::overloaded) + 1;
  constexpr Side kSides[] = {Side::upstream, Side::client, Side::local};
  const Error error(static_cast<Errc>(kind % kErrors), kSides[kind / kErrors % 3U]);
  const std::string_view accept = headers.get_or_empty("Accept");
  const std::string_view type = headers.get_or_empty("Content-Type");
  ONEHOP_CHECK(!(is_grpc(type) && is_event_stream(type)));
  const Response answer =
      error_response_for(accept, type, headers.get_or_empty("X-Request-Id"), error);
  check_fields(answer.headers());
  ONEHOP_CHECK(answer.headers().has("Content-Type"));
  if (is_grpc(type)) return;
  const bool is_for_logs = status_for(error) == kClientClosedRequest;
  ONEHOP_CHECK(answer.status() == (is_for_logs ? Status::bad_request : status_for(error)));
  ONEHOP_CHECK(answer.status().code() >= 400);
  ONEHOP_CHECK(answer.body().length().value_or(0) > 0);
}

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.empty()) return;
  const std::uint8_t kind = take_byte(input);
  const Headers headers = headers_of(input);
  switch (kind) {
    case 'c':
      check_lists(headers);
      check_hop_by_hop(headers);
      break;
    case 'f':
      check_forwarded(headers);
      break;
    case 'u':
      check_upgrade(headers);
      break;
    default:
      check_error_answers(headers, kind);
  }
}

}  // namespace onehop::fuzz
