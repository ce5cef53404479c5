// SPDX-License-Identifier: Apache-2.0
#include "config/field_edit.hpp"

#include "base/ascii.hpp"
#include "config/plain_text.hpp"
#include "config/pointed_out.hpp"
#include "http/forwarding_fields.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace onehop::config {
namespace {

constexpr std::array<const char*, 9> kOwnedByTheProxy = {
    "Connection", "Content-Length",    "Keep-Alive", "Proxy-Connection", "TE",
    "Trailer",    "Transfer-Encoding", "Upgrade",    "Expect",
};

bool is_owned_by_the_proxy(const std::string& name) {
  return std::ranges::any_of(kOwnedByTheProxy, [&name](const char* owned) {
    return ascii::equals_ignoring_case(name, owned);
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
      return pointed_out(text, text, "this is neither 'Name: value' nor '-Name'");
    }
    edit.name = trimmed(text.substr(0, colon));
    auto value = FieldTemplate::parse(text, trimmed(text.substr(colon + 1)));
    if (!value) return refused(value.error());
    edit.value = std::move(*value);
  }
  if (is_owned_by_the_proxy(edit.name)) {
    return refused(in_quotes(edit.name) + " belongs to the connection; the proxy writes it itself");
  }
  Headers scratch;
  const std::string_view value = edit.removes ? "" : text.substr(text.find(':') + 1);
  if (!scratch.try_set(edit.name, trimmed(value))) {
    return pointed_out(text, text, "this is not a valid HTTP field");
  }
  edit.written = text;
  return edit;
}

bool have_placeholders(const std::vector<FieldEdit>& edits) {
  return std::ranges::any_of(edits,
                             [](const FieldEdit& edit) { return edit.value.has_placeholders(); });
}

void remove_lookalikes(const std::vector<FieldEdit>& edits, Headers& headers) {
  headers.erase_if([&edits](const Field& field) {
    return std::ranges::any_of(edits, [name = field.name](const FieldEdit& edit) {
      return is_lookalike(name, edit.name);
    });
  });
}

void apply_edits(const std::vector<FieldEdit>& edits, Headers& headers) {
  for (const FieldEdit& edit : edits) {
    if (edit.removes) {
      headers.erase(edit.name);
    } else {
      headers.set(edit.name, edit.value.text());
    }
  }
}

std::vector<KnownEdit> expand_edits(const std::vector<FieldEdit>& edits,
                                    const RequestFacts& facts) {
  std::vector<KnownEdit> known;
  known.reserve(edits.size());
  for (const FieldEdit& edit : edits) {
    std::string value = edit.removes ? std::string() : edit.value.expand(facts);
    // "Name:" sets an empty field even if other edits have placeholders.
    const bool removes = edit.removes || (edit.value.has_placeholders() && value.empty());
    known.push_back({edit.name, std::move(value), removes});
  }
  return known;
}

void apply_edits(const std::vector<KnownEdit>& edits, Headers& headers) {
  for (const KnownEdit& edit : edits) {
    // A value that is not valid in a field, such as a subject with a line break, is not sent.
    if (edit.removes || !headers.try_set(edit.name, edit.value)) headers.erase(edit.name);
  }
}

std::string contradiction_in(const std::vector<FieldEdit>& edits) {
  for (auto edit = edits.begin(); edit != edits.end(); ++edit) {
    const auto other = std::find_if(edits.begin(), edit, [&](const FieldEdit& earlier) {
      return ascii::equals_ignoring_case(earlier.name, edit->name);
    });
    if (other == edit) continue;
    if (other->removes != edit->removes) return in_quotes(edit->name) + " is both set and removed";
    return in_quotes(edit->name) + (edit->removes ? " is removed twice" : " is set twice");
  }
  return {};
}

}  // namespace onehop::config
