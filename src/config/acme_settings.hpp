// SPDX-License-Identifier: Apache-2.0
//
// The kinds of the ACME settings, and the values that the program derives from them.
// Thread: any.
#pragma once

#include "acme/private_key.hpp"
#include "acme/sites.hpp"
#include "config/acme_values.hpp"
#include "config/parsed.hpp"
#include "config/setting.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct AcmeEmail {
  static constexpr std::string_view kPlaceholder = "EMAIL";
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

// A DNS name, in ASCII and lower case.
struct CertificateName {
  static constexpr std::string_view kPlaceholder = "NAME";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

struct AcmeAuthority {
  static constexpr std::string_view kPlaceholder = "URL";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

struct AcmeProfile {
  static constexpr std::string_view kPlaceholder = "NAME";
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

struct AcmeChallenge {
  static constexpr std::string_view kPlaceholder = "CHALLENGE";
  static constexpr char kSeparator = ',';
  static constexpr bool kSplitsFlags = true;
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

struct AcmeKey {
  static constexpr std::string_view kPlaceholder = "p256|rsa2048";
  static constexpr Content kContent = Content::choice;
  static Parsed<acme::KeyKind> parse(std::string_view text);
  static std::string show(acme::KeyKind kind);
};

struct StateFolder {
  static constexpr std::string_view kPlaceholder = "DIR";
  static Parsed<std::string> parse(std::string_view text);
  static std::string show(const std::string& value) { return value; }
};

// Returns the URL of an authority's directory. `authority` is a word such as "letsencrypt", or the
// URL itself.
std::string directory_of(const std::string& authority);
// Returns the challenges, in the order in which they are tried.
std::vector<std::string> challenges_of(const AcmeSettings& settings);
// Returns the folder of the keys and certificates: --state or, without it, the state directory that
// systemd sets for the service; "" if there is none.
std::string state_folder_of(const AcmeSettings& settings);
// Returns the names to get certificates for: those of --host or, without it, those of the
// [[route]]s, except placeholders such as *.example.org.
acme::NameSet certificate_names(const Configuration& configuration);

}  // namespace onehop::config
