// SPDX-License-Identifier: Apache-2.0
#include "program/field_edit.hpp"

#include <algorithm>
#include <array>

#include <strings.h>

namespace onehop::program {
namespace {

constexpr std::array<const char*, 9> kOwnedByTheProxy = {
    "Connection", "Content-Length",    "Keep-Alive", "Proxy-Connection", "TE",
    "Trailer",    "Transfer-Encoding", "Upgrade",    "Expect",
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_owned_by_the_proxy(const std::string& name) {
  return std::ranges::any_of(kOwnedByTheProxy, [&name](const char* owned) {
    return ::strcasecmp(name.c_str(), owned) == 0;
  });
}

}  // namespace

Parsed<FieldEdit> parse_field_edit(std::string_view text) {
  FieldEdit edit;
  if (text.starts_with('-')) {
    edit.removes = true;
    edit.name = trimmed(text.substr(1));
  } else {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
      return refused("'" + std::string(text) + "' is neither 'Name: value' nor '-Name'");
    }
    edit.name = trimmed(text.substr(0, colon));
    edit.value = trimmed(text.substr(colon + 1));
  }
  if (is_owned_by_the_proxy(edit.name)) {
    return refused("'" + edit.name + "' belongs to the connection; the proxy writes it itself");
  }
  Headers scratch;
  if (!scratch.try_set(edit.name, edit.value)) {
    return refused("'" + std::string(text) + "' has a name or a value no HTTP field can have");
  }
  return edit;
}

void apply_edits(const std::vector<FieldEdit>& edits, Headers& headers) {
  for (const FieldEdit& edit : edits) {
    if (edit.removes) {
      headers.erase(edit.name);
    } else {
      headers.set(edit.name, edit.value);
    }
  }
}

}  // namespace onehop::program
