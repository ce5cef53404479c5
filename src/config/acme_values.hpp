// SPDX-License-Identifier: Apache-2.0
//
// AcmeSettings holds the settings for the certificates that the program gets by ACME.
// Thread: any; constant.
#pragma once

#include "acme/private_key.hpp"

#include <string>
#include <vector>

namespace onehop::config {

struct AcmeSettings {
  std::string email = {};               // "": no certificates by ACME
  std::vector<std::string> hosts = {};  // names to get certificates for
  std::vector<std::string> authorities = {"letsencrypt"};
  std::string ca_file = {};                  // "": the system's certificates verify the authorities
  std::string external_file = {};            // "": no external account
  std::string profile = {};                  // "": the authority's default
  std::vector<std::string> challenges = {};  // empty: http-01, then tls-alpn-01
  acme::KeyKind key = acme::KeyKind::ecdsa_p256;
  std::string state = {};  // the folder; "": the service's

  bool is_on() const { return !email.empty(); }
};

}  // namespace onehop::config
