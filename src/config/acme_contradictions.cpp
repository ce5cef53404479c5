// SPDX-License-Identifier: Apache-2.0
#include "config/acme_contradictions.hpp"

#include "config/acme_settings.hpp"
#include "config/configuration.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace onehop::config {
namespace {

constexpr std::size_t kMaxNames = 1000;
// Domains for use on a private network (RFC 6761, RFC 6762, RFC 9476), which public authorities
// refuse.
constexpr std::array<std::string_view, 9> kPrivate = {".localhost", ".local",     ".internal",
                                                      ".test",      ".invalid",   ".example",
                                                      ".onion",     ".home.arpa", ".lan"};

bool is_private(std::string_view name) {
  return name.find('.') == name.npos ||
         std::ranges::any_of(kPrivate, [name](auto end) { return name.ends_with(end); });
}

bool is_public_authority(const std::string& authority) {
  return authority.starts_with("letsencrypt");
}

}  // namespace

void about_acme(const Configuration& configuration,
                const std::function<bool(std::string_view)>& was_given,
                Contradictions& found) {
  const AcmeSettings& acme = configuration.acme;
  if (!acme.is_on()) {
    for (const char* const name : {"host", "acme-ca", "acme-ca-file", "acme-eab", "acme-profile",
                                   "acme-challenge", "acme-key"}) {
      if (!was_given(name)) continue;
      found.push_back({name, "--" + std::string(name) + " is for --acme EMAIL, which is not set"});
    }
    return;
  }
  const acme::NameSet names = certificate_names(configuration);
  if (names.empty()) {
    found.push_back(
        {"acme", "--acme needs a name to get a certificate for: add --host app.example.org"});
  }
  if (names.size() > kMaxNames) {
    found.push_back({"host", "--host: there are " + std::to_string(names.size()) +
                                 " names; the maximum is " + std::to_string(kMaxNames)});
  }
  for (const std::string& name : names) {
    if (!is_private(name) || !std::ranges::any_of(acme.authorities, is_public_authority)) continue;
    found.push_back(
        {was_given("host") ? "host" : "acme",
         "--host: Let's Encrypt cannot certify " + name +
             ", which is not a public name; set --acme-ca to an authority of your own"});
  }
  if (state_folder_of(acme).empty()) {
    found.push_back({"acme", "--acme needs a folder for keys and certificates: add --state DIR"});
  }
}

}  // namespace onehop::config
