// SPDX-License-Identifier: Apache-2.0
#include "config/credential.hpp"

#include "config/pointed_out.hpp"

#include <cstdlib>

namespace onehop::config {

namespace {

constexpr std::string_view kCredentialPrefix = "credential:";

}  // namespace

Parsed<std::string> path_of_file(std::string_view text) {
  if (text.empty()) return refused("the name of a file is missing");
  if (!text.starts_with(kCredentialPrefix)) return std::string(text);
  const std::string_view name = text.substr(kCredentialPrefix.size());
  if (name.empty() || name == "." || name == ".." || name.contains('/')) {
    return pointed_out(text, name, "the name of a credential is one word, as in LoadCredential=");
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the program does not change it
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || *folder == '\0') return std::string(text);
  return std::string(folder) + "/" + std::string(name);
}

bool is_unresolved(std::string_view file) {
  return file.starts_with(kCredentialPrefix);
}

std::string why_unresolved(std::string_view file) {
  return "CREDENTIALS_DIRECTORY is not set; add LoadCredential=" +
         std::string(file.substr(kCredentialPrefix.size())) + ":FILE to the unit of the service";
}

}  // namespace onehop::config
