// SPDX-License-Identifier: Apache-2.0

#include "proxy/forwarded.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"

#include <string>

namespace onehop {
namespace {

std::string_view scheme_of(const Request& in) noexcept {
  return in.connection().tls ? "https" : "http";
}

void remove_x_forwarded(Headers& headers) {
  headers.erase(field::x_forwarded_for);
  headers.erase(field::x_forwarded_host);
  headers.erase(field::x_forwarded_proto);
  headers.erase(field::x_client_certificate_subject);
}

std::string_view client_subject_of(const Request& in) noexcept {
  const TlsInfo* const tls = in.connection().tls_info;
  return tls ? tls->client_subject : std::string_view();
}

void add_unless_empty(Headers& headers, FieldName name, std::string_view value) {
  if (!value.empty()) headers.add(name, value);
}

// The lines of `in` with that name as one list, and `known` as its last member.
std::string list_ending_in(std::string_view known, FieldName name, const Headers& in) {
  std::string list;
  const auto append = [&list](std::string_view value) {
    if (value.empty()) return;
    if (!list.empty()) list += ", ";
    list += value;
  };
  for (std::size_t i = 0; i < in.size(); ++i) {
    const Headers::Line& line = in.lines()[i];
    if (line.id == name.id()) append(line.field().value);
  }
  append(known);
  return list;
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
  headers.erase(field::forwarded);
}

void set_forwarded(const Request& in, Headers& out) {
  remove_x_forwarded(out);
  add_unless_empty(out, field::x_forwarded_for, in.connection().peer);
  add_unless_empty(out, field::x_forwarded_host, in.host());
  out.add(field::x_forwarded_proto, scheme_of(in));
  add_unless_empty(out, field::x_client_certificate_subject, client_subject_of(in));
}

void append_forwarded(const Request& in, Headers& out) {
  remove_x_forwarded(out);
  const auto add = [&](FieldName name, std::string_view known) {
    add_unless_empty(out, name, list_ending_in(known, name, in.headers()));
  };
  add(field::x_forwarded_for, in.connection().peer);
  add(field::x_forwarded_host, in.host());
  add(field::x_forwarded_proto, scheme_of(in));
  // Nobody but this connection knows who its client is.
  add_unless_empty(out, field::x_client_certificate_subject, client_subject_of(in));
}

void add_forwarded_element(const Request& in, Headers& out) {
  std::string element;
  append_pair(element, "for", node_of(in.connection().peer));
  if (!in.host().empty()) append_pair(element, "host", in.host());
  append_pair(element, "proto", scheme_of(in));
  out.add(field::forwarded, element);
}

}  // namespace onehop
