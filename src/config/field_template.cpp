// SPDX-License-Identifier: Apache-2.0
#include "config/field_template.hpp"

#include "config/pointed_out.hpp"
#include "config/suggestion.hpp"
#include "http/field_names.hpp"
#include "http/list_value.hpp"

#include <algorithm>
#include <array>

namespace onehop::config {
namespace {

std::string_view tls_version(const TlsInfo& tls) {
  return tls.version;
}
std::string_view tls_cipher(const TlsInfo& tls) {
  return tls.cipher;
}
std::string_view tls_server_name(const TlsInfo& tls) {
  return tls.server_name;
}
std::string_view tls_subject(const TlsInfo& tls) {
  return tls.client_subject;
}

template <auto kMember>
std::string of_tls(const RequestFacts& facts) {
  const TlsInfo* const tls = facts.in.connection().tls_info;
  return tls ? std::string(kMember(*tls)) : std::string();
}

// Returns the first member of the field's list if the peer is trusted, else "".
std::string trusted_first(const RequestFacts& facts, FieldName name) {
  if (!facts.peer_is_trusted) return {};
  return std::string(*ListMembers(facts.in.headers().get_or_empty(name)).begin());
}

std::string client(const RequestFacts& facts) {
  return std::string(facts.in.connection().client);
}
std::string peer(const RequestFacts& facts) {
  return std::string(facts.in.connection().peer);
}
std::string peer_port(const RequestFacts& facts) {
  const ConnectionInfo& connection = facts.in.connection();
  return connection.peer.empty() ? std::string() : std::to_string(connection.peer_port);
}
std::string local(const RequestFacts& facts) {
  return std::string(facts.in.connection().local);
}
std::string scheme(const RequestFacts& facts) {
  std::string scheme = trusted_first(facts, field::x_forwarded_proto);
  if (scheme.empty()) scheme = facts.in.connection().tls ? "https" : "http";
  return scheme;
}
std::string host(const RequestFacts& facts) {
  std::string host = trusted_first(facts, field::x_forwarded_host);
  return host.empty() ? std::string(facts.in.host()) : host;
}
std::string method(const RequestFacts& facts) {
  return std::string(facts.in.method().text());
}
std::string path(const RequestFacts& facts) {
  return std::string(facts.in.url().path());
}
std::string query(const RequestFacts& facts) {
  return std::string(facts.in.url().query());
}
std::string target(const RequestFacts& facts) {
  return std::string(facts.in.url().target());
}
std::string request_id(const RequestFacts& facts) {
  return std::string(facts.in.headers().get_or_empty(field::x_request_id));
}

struct Placeholder {
  std::string_view name;
  std::string (*value)(const RequestFacts&);
};

constexpr std::array<Placeholder, 15> kPlaceholders{{
    {"client", &client},
    {"peer", &peer},
    {"peer_port", &peer_port},
    {"local", &local},
    {"scheme", &scheme},
    {"host", &host},
    {"method", &method},
    {"path", &path},
    {"query", &query},
    {"target", &target},
    {"request_id", &request_id},
    {"tls_version", &of_tls<&tls_version>},
    {"tls_cipher", &of_tls<&tls_cipher>},
    {"tls_server_name", &of_tls<&tls_server_name>},
    {"tls_subject", &of_tls<&tls_subject>},
}};

std::unexpected<std::string> unknown(std::string_view whole, std::string_view braced) {
  std::string why = "unknown placeholder " + std::string(braced);
  const auto names = placeholder_names();
  const std::string_view name = braced.substr(1, braced.size() - 2);
  if (const auto meant = nearest(name, names)) {
    why += did_you_mean("{" + std::string(*meant) + "}");
  } else {
    why += "; there are";
    for (const std::string_view known : names)
      why += " {" + std::string(known) + "}";
    why += "; write {{ for a brace";
  }
  return pointed_out(whole, braced, std::move(why));
}

}  // namespace

std::vector<std::string_view> placeholder_names() {
  std::vector<std::string_view> names;
  for (const Placeholder& one : kPlaceholders)
    names.push_back(one.name);
  return names;
}

Parsed<FieldTemplate> FieldTemplate::parse(std::string_view whole, std::string_view text) {
  FieldTemplate made;
  while (!text.empty()) {
    const std::size_t brace = text.find_first_of("{}");
    made.texts_.back() += text.substr(0, brace);
    if (brace == std::string_view::npos) break;
    text.remove_prefix(brace);
    if (text.starts_with("{{") || text.starts_with("}}")) {
      made.texts_.back() += text.front();
      text.remove_prefix(2);
      continue;
    }
    const std::size_t end = text.find('}');
    if (text.front() == '}' || end == std::string_view::npos) {
      return pointed_out(whole, text.substr(0, 1),
                         text.front() == '}' ? "a } without its {; write }} for a brace"
                                             : "a { without its }; write {{ for a brace");
    }
    const std::string_view name = text.substr(1, end - 1);
    const auto known = std::ranges::find(kPlaceholders, name, &Placeholder::name);
    if (known == kPlaceholders.end()) return unknown(whole, text.substr(0, end + 1));
    made.placeholders_.push_back(static_cast<std::size_t>(known - kPlaceholders.begin()));
    made.texts_.emplace_back();
    text.remove_prefix(end + 1);
  }
  return made;
}

std::string FieldTemplate::expand(const RequestFacts& facts) const {
  std::string value = texts_.front();
  for (std::size_t i = 0; i < placeholders_.size(); ++i)
    value += kPlaceholders[placeholders_[i]].value(facts) + texts_[i + 1];
  return value;
}

}  // namespace onehop::config
