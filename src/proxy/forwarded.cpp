// SPDX-License-Identifier: Apache-2.0

#include "proxy/forwarded.hpp"

#include "base/ascii.hpp"
#include "http/field_names.hpp"
#include "http/forwarding_fields.hpp"
#include "http/header_lines.hpp"
#include "http/list_value.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace onehop {
namespace {

std::string_view scheme_of(const Request& in) noexcept {
  return in.connection().tls ? "https" : "http";
}

ForwardingField kind_of(const FieldLine& line) noexcept {
  return forwarding_field(line.id, {line.name_data, line.name_size});
}

// Returns the kind of the field for which a CGI program would take `name`.
ForwardingField kind_to_cgi(std::string_view name) {
  std::string plain(name);
  for (char& c : plain) {
    if (!ascii::is_alpha(c) && !ascii::is_digit(c)) c = '-';
  }
  return forwarding_field(find_field(plain), plain);
}

bool is_own(const FieldLine& line) {
  const ForwardingField kind = kind_of(line);
  if (kind != ForwardingField::lookalike) return kind == ForwardingField::own;
  return kind_to_cgi(line.field().name) == ForwardingField::own;
}

// A subject that is not a valid field value is not passed on: the client chose its certificate.
void add_client_subject(const Request& in, Headers& out) {
  const TlsInfo* const tls = in.connection().tls_info;
  if (tls == nullptr || tls->client_subject.empty()) return;
  (void)out.try_add(field::x_client_certificate_subject, tls->client_subject);
}

// `value` comes from this connection or from a received field, and so is valid.
void add_unless_empty(Headers& headers, FieldName name, std::string_view value) {
  if (!value.empty()) HeaderWriter(headers).add_valid(name, value);
}

void append_member(std::string& list, std::string_view value) {
  if (value.empty()) return;
  if (!list.empty()) list += ", ";
  list += value;
}

// Returns the lines of `in` with that name, joined into one list.
std::string list_in(const Headers& in, FieldName name) {
  std::string list;
  for (const FieldLine& line : HeaderLines(in)) {
    if (line.id == id_of(name)) append_member(list, line.field().value);
  }
  return list;
}

// Returns the member that the proxy nearest to the client wrote.
std::string first_member(const std::string& list) {
  return std::string(*ListMembers(list).begin());
}

// Returns the node of a peer (RFC 7239 §6): an IPv6 address is in brackets; without an address, the
// node is "unknown".
std::string node_of(std::string_view peer) {
  if (peer.empty()) return "unknown";
  if (peer.find(':') == std::string_view::npos) return std::string(peer);
  return "[" + std::string(peer) + "]";
}

// Appends name=value. The value is a token if possible, else a quoted-string (RFC 7239 §4).
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

std::optional<std::string> why_not_allowed(std::string_view name) {
  const std::string quoted = "'" + std::string(name) + "'";
  if (!ascii::is_token(name)) return quoted + " is not a field name";
  switch (kind_to_cgi(name)) {
    case ForwardingField::own:
      return quoted + " is set by the proxy itself; a client's is not passed on";
    case ForwardingField::harmful:
      return quoted + " is never passed on: CGI programs would take it for their own proxy";
    case ForwardingField::none:
      return quoted + " is passed on anyway; only forwarding fields, such as X-Real-IP, are not";
    default:
      return std::nullopt;
  }
}

AllowedFields::AllowedFields(const std::vector<std::string>& names) : names_(names) {
  for (const std::string& name : names_) {
    if (const auto problem = why_not_allowed(name)) {
      throw std::invalid_argument("allow_fields: " + *problem);
    }
  }
}

bool AllowedFields::include(std::string_view name) const noexcept {
  return std::any_of(names_.begin(), names_.end(), [name](const std::string& allowed) {
    return ascii::equals_ignoring_case(name, allowed);
  });
}

void remove_claims(Headers& headers, const AllowedFields& allowed) {
  HeaderWriter(headers).erase_if([&allowed](const FieldLine& line) {
    return kind_of(line) != ForwardingField::none && !allowed.include(line.field().name);
  });
}

void remove_false_claims(Headers& headers, const AllowedFields& allowed) {
  HeaderWriter(headers).erase_if([&allowed](const FieldLine& line) {
    const ForwardingField kind = kind_of(line);
    const bool is_false = kind == ForwardingField::lookalike || kind == ForwardingField::harmful;
    return is_false && !allowed.include(line.field().name);
  });
}

void set_forwarded(const Request& in, Headers& out) {
  HeaderWriter(out).erase_if(is_own);
  add_forwarded(in, out);
}

void add_forwarded(const Request& in, Headers& out) {
  add_unless_empty(out, field::x_forwarded_for, in.connection().peer);
  add_unless_empty(out, field::x_forwarded_host, in.host());
  HeaderWriter(out).add_valid(field::x_forwarded_proto, scheme_of(in));
  add_client_subject(in, out);
}

void append_forwarded(const Request& in, Headers& out) {
  const Headers& fields = in.headers();
  std::string chain = list_in(fields, field::x_forwarded_for);
  append_member(chain, in.connection().peer);
  std::string host = list_in(fields, field::x_forwarded_host);
  if (host.empty()) host = in.host();
  std::string scheme = first_member(list_in(fields, field::x_forwarded_proto));
  if (scheme.empty()) scheme = scheme_of(in);
  HeaderWriter(out).erase_if(is_own);
  add_unless_empty(out, field::x_forwarded_for, chain);
  add_unless_empty(out, field::x_forwarded_host, host);
  out.add(field::x_forwarded_proto, scheme);
  // The subject is always that of this connection's certificate.
  add_client_subject(in, out);
}

ClientPlace client_place(const Request& in, bool peer_is_trusted) {
  ClientPlace place{std::string(scheme_of(in)), std::string(in.host())};
  if (!peer_is_trusted) return place;
  std::string scheme = first_member(list_in(in.headers(), field::x_forwarded_proto));
  if (scheme == "http" || scheme == "https") place.scheme = std::move(scheme);
  std::string host = first_member(list_in(in.headers(), field::x_forwarded_host));
  const auto url = Url::parse("http://" + host);
  if (url && !host.empty() && url->authority() == host) place.host = std::move(host);
  return place;
}

void add_forwarded_element(const Request& in, Headers& out) {
  std::string element;
  append_pair(element, "for", node_of(in.connection().peer));
  if (!in.host().empty()) append_pair(element, "host", in.host());
  append_pair(element, "proto", scheme_of(in));
  out.add(field::forwarded, element);
}

}  // namespace onehop
