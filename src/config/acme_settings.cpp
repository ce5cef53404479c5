// SPDX-License-Identifier: Apache-2.0
#include "config/acme_settings.hpp"

#include "base/ascii.hpp"
#include "config/configuration.hpp"
#include "config/pointed_out.hpp"
#include "config/setting_kinds.hpp"
#include "config/suggestion.hpp"
#include "net/address.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace onehop::config {
namespace {

constexpr std::array<std::string_view, 2> kChallenges = {"http-01", "tls-alpn-01"};
// In the order of the enumerators.
constexpr std::array<std::string_view, 2> kKeys = {"p256", "rsa2048"};
constexpr std::size_t kMaxName = 253;  // RFC 1035 §2.3.4
constexpr std::size_t kMaxLabel = 63;

struct KnownAuthority {
  std::string_view name;
  std::string_view directory;
};
constexpr std::array<KnownAuthority, 2> kAuthorities = {
    {{"letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"},
     {"letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"}}};

// Letters, digits and hyphens (RFC 5890 §2.3.1). Authorities refuse an underscore.
bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && !label.starts_with('-') &&
         !label.ends_with('-') && std::ranges::all_of(label, [](char c) {
           return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-';
         });
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    if (!is_label(name.substr(0, dot))) return false;
    if (dot + 1 == name.size()) return false;
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return true;
}

bool has_blank(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' '; });
}

// The address is inserted into a mailto: URL unescaped (RFC 6068 §2).
bool is_in_mailto(char c) {
  constexpr std::string_view kOther = ",;<>\"\\%?#";
  return c > ' ' && c < 0x7f && kOther.find(c) == kOther.npos;
}

}  // namespace

Parsed<std::string> AcmeEmail::parse(std::string_view text) {
  const std::size_t at = text.find('@');
  const bool is_address = at != text.npos && at > 0 && text.find('@', at + 1) == text.npos &&
                          is_name(text.substr(at + 1)) && std::ranges::all_of(text, is_in_mailto);
  if (is_address) return std::string(text);
  return refused(
      in_quotes(text) +
      " is not an email address that the authority can write to, such as ops@example.org");
}

Parsed<std::string> CertificateName::parse(std::string_view text) {
  if (text.find('*') != text.npos) {
    return pointed_out(
        text, text.substr(text.find('*'), 1),
        "a certificate for a wildcard needs a DNS record as proof, which onehop cannot make: "
        "use lego or certbot (see the manual, HTTPS by itself)");
  }
  auto host = ServerName::parse(text);
  if (!host) return host;
  if (net::Address::from_ip(*host, 0)) {
    return refused(in_quotes(text) +
                   " is an IP address; --acme gets certificates for host names only");
  }
  std::ranges::transform(*host, host->begin(), ascii::to_lower);
  if (!is_name(*host)) {
    return refused(
        in_quotes(text) +
        " is not a name for a certificate, which has letters, digits, hyphens and dots only");
  }
  return host;
}

Parsed<std::string> AcmeAuthority::parse(std::string_view text) {
  std::array<std::string_view, kAuthorities.size()> names{};
  std::ranges::transform(kAuthorities, names.begin(), &KnownAuthority::name);
  if (std::ranges::find(names, text) != names.end()) return std::string(text);
  const auto url = Url::parse(text);
  if (url && url->scheme() == "https" && !url->host().empty() && text.find('@') == text.npos) {
    return std::string(text);
  }
  const bool is_word = text.find_first_of(":/.") == text.npos;
  const auto meant = is_word ? nearest(text, names) : std::nullopt;
  return refused(
      in_quotes(text) +
      " is neither letsencrypt, letsencrypt-staging nor the https:// URL of a directory" +
      (meant ? did_you_mean(*meant) : std::string()));
}

Parsed<std::string> AcmeProfile::parse(std::string_view text) {
  if (!text.empty() && !has_blank(text) && text.size() <= kMaxLabel) return std::string(text);
  return refused(in_quotes(text) + " is not the name of a profile, such as shortlived");
}

Parsed<std::string> AcmeChallenge::parse(std::string_view text) {
  if (std::ranges::find(kChallenges, text) != kChallenges.end()) return std::string(text);
  std::string why = in_quotes(text) + " is not one of http-01 and tls-alpn-01";
  if (text.starts_with("dns")) {
    why += "; use lego or certbot for dns-01 (see the manual, HTTPS by itself)";
  } else if (const auto meant = nearest(text, kChallenges)) {
    why += did_you_mean(*meant);
  }
  return refused(std::move(why));
}

Parsed<acme::KeyKind> AcmeKey::parse(std::string_view text) {
  const auto found = std::ranges::find(kKeys, text);
  if (found != kKeys.end()) return static_cast<acme::KeyKind>(found - kKeys.begin());
  std::string why = in_quotes(text) + " is not one of p256 and rsa2048";
  if (const auto meant = nearest(text, kKeys)) why += did_you_mean(*meant);
  return refused(std::move(why));
}

std::string AcmeKey::show(acme::KeyKind kind) {
  return std::string(kKeys[static_cast<std::size_t>(kind)]);
}

Parsed<std::string> StateFolder::parse(std::string_view text) {
  if (text.empty()) return refused("the name of the folder is empty");
  return std::string(text);
}

std::string directory_of(const std::string& authority) {
  const auto found = std::ranges::find(kAuthorities, authority, &KnownAuthority::name);
  return found == kAuthorities.end() ? authority : std::string(found->directory);
}

std::vector<std::string> challenges_of(const AcmeSettings& settings) {
  if (!settings.challenges.empty()) return settings.challenges;
  return {kChallenges.begin(), kChallenges.end()};
}

std::string state_folder_of(const AcmeSettings& settings) {
  if (!settings.state.empty()) return settings.state;
  const char* const of_service = std::getenv("STATE_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
  const std::string_view all = of_service == nullptr ? "" : of_service;
  return std::string(all.substr(0, all.find(':')));
}

acme::NameSet certificate_names(const Configuration& configuration) {
  acme::NameSet names(configuration.acme.hosts.begin(), configuration.acme.hosts.end());
  if (!names.empty()) return names;
  for (const auto& route : configuration.routes) {
    for (const std::string& host : route->table.hosts) {
      if (auto name = CertificateName::parse(host)) names.insert(std::move(*name));
    }
  }
  return names;
}

}  // namespace onehop::config
