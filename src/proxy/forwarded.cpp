// SPDX-License-Identifier: Apache-2.0

#include "proxy/forwarded.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/list_value.hpp"

#include <algorithm>
#include <string>

namespace onehop {
namespace {

std::string_view scheme_of(const Request& in) noexcept {
  return in.connection().tls ? "https" : "http";
}

// With underscores in place of hyphens: CGI, WSGI and what is like them cannot tell it from the
// real one, and would believe what the client wrote.
bool is_claim_in_disguise(const Headers::Line& line) noexcept {
  if (line.id != FieldId::unknown) return false;
  const std::string_view name = line.field().name;
  if (ascii::to_lower(name.front()) != 'x') return false;  // as nearly all do that are none
  for (const FieldName& claim : {field::x_forwarded_for, field::x_forwarded_host,
                                 field::x_forwarded_proto, field::x_client_certificate_subject}) {
    const bool is_it = std::equal(
        name.begin(), name.end(), claim.text().begin(), claim.text().end(), [](char a, char b) {
          return ascii::to_lower(a) == ascii::to_lower(b) || (a == '_' && b == '-');
        });
    if (is_it) return true;
  }
  return false;
}

// Nearly always there is none.
bool has_claims(const Headers& headers) noexcept {
  return headers.has(FieldId::x_forwarded_for) || headers.has(FieldId::x_forwarded_host) ||
         headers.has(FieldId::x_forwarded_proto) || headers.has(FieldId::forwarded) ||
         headers.has(FieldId::x_client_certificate_subject);
}

void remove_x_forwarded(Headers& headers) {
  headers.erase_if(is_claim_in_disguise);
  if (!has_claims(headers)) return;
  headers.erase(field::x_forwarded_for);
  headers.erase(field::x_forwarded_host);
  headers.erase(field::x_forwarded_proto);
  headers.erase(field::x_client_certificate_subject);
}

// The client wrote its certificate: a subject that is no field value is not passed on.
void add_client_subject(const Request& in, Headers& out) {
  const TlsInfo* const tls = in.connection().tls_info;
  if (tls == nullptr || tls->client_subject.empty()) return;
  (void)out.try_add(field::x_client_certificate_subject, tls->client_subject);
}

// `value`: of this connection, or of a field that was received, and so a valid one.
void add_unless_empty(Headers& headers, FieldName name, std::string_view value) {
  if (!value.empty()) headers.add_valid(name, value);
}

void append_member(std::string& list, std::string_view value) {
  if (value.empty()) return;
  if (!list.empty()) list += ", ";
  list += value;
}

// The lines of `in` with that name, joined into one list.
std::string list_in(const Headers& in, FieldName name) {
  std::string list;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const Headers::Line& line = in.lines()[i];
    if (line.id == name.id()) append_member(list, line.field().value);
  }
  return list;
}

// What whoever stood nearest to the client wrote.
std::string first_member(const std::string& list) {
  return std::string(*ListMembers(list).begin());
}

// RFC 7239 §6: an IPv6 address stands in brackets; "unknown" where there is no address to tell.
std::string node_of(std::string_view peer) {
  if (peer.empty()) return "unknown";
  if (peer.find(':') == std::string_view::npos) return std::string(peer);
  return "[" + std::string(peer) + "]";
}

// name=value, the value as a token where it is one, else as a quoted-string (RFC 7239 §4).
void append_pair(std::string& element, std::string_view name, std::string_view value) {
  if (!element.empty()) element += ';';
  element += name;
  element += '=';
  if (ascii::is_token(value)) {
    element += value;
    return;
  }
  element += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') element += '\\';
    element += c;
  }
  element += '"';
}

}  // namespace

void remove_claims(Headers& headers) {
  remove_x_forwarded(headers);
  if (!has_claims(headers)) return;
  headers.erase(field::forwarded);
}

void set_forwarded(const Request& in, Headers& out) {
  remove_x_forwarded(out);
  add_unless_empty(out, field::x_forwarded_for, in.connection().peer);
  add_unless_empty(out, field::x_forwarded_host, in.host());
  out.add_valid(field::x_forwarded_proto, scheme_of(in));
  add_client_subject(in, out);
}

void append_forwarded(const Request& in, Headers& out) {
  const Headers& told = in.headers();
  std::string chain = list_in(told, field::x_forwarded_for);
  append_member(chain, in.connection().peer);
  std::string host = list_in(told, field::x_forwarded_host);
  if (host.empty()) host = in.host();
  std::string scheme = first_member(list_in(told, field::x_forwarded_proto));
  if (scheme.empty()) scheme = scheme_of(in);
  remove_x_forwarded(out);
  add_unless_empty(out, field::x_forwarded_for, chain);
  add_unless_empty(out, field::x_forwarded_host, host);
  out.add(field::x_forwarded_proto, scheme);
  // Nobody but this connection knows who its client is.
  add_client_subject(in, out);
}

void add_forwarded_element(const Request& in, Headers& out) {
  std::string element;
  append_pair(element, "for", node_of(in.connection().peer));
  if (!in.host().empty()) append_pair(element, "host", in.host());
  append_pair(element, "proto", scheme_of(in));
  out.add(field::forwarded, element);
}

}  // namespace onehop
