// SPDX-License-Identifier: Apache-2.0
//
// The kinds of values of the settings of ACME, and what follows from them.
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

// A name of DNS, in ASCII and in lower case.
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

// The URL of an authority's directory: of "letsencrypt", or the URL itself.
std::string directory_of(const std::string& authority);
// In the order in which they are tried.
std::vector<std::string> challenges_of(const AcmeSettings& settings);
// Where keys and certificates are kept: --state, or else the folder that systemd gives the service;
// "" if there is none.
std::string state_folder_of(const AcmeSettings& settings);
// The names to get certificates for: those of --host, or else of the [[route]]s, without
// placeholders such as *.example.org.
acme::NameSet certificate_names(const Configuration& configuration);

}  // namespace onehop::config
