// SPDX-License-Identifier: Apache-2.0
//
// FieldEdit is one --header-up or --header-down: "Name: value" sets a field, "-Name" removes it. If
// a value with placeholders expands to an empty string, the field is removed.
// Thread: any; constant.
#pragma once

#include <onehop/headers.hpp>

#include "config/field_template.hpp"
#include "config/parsed.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct FieldEdit {
  std::string name;
  FieldTemplate value;
  bool removes = false;
  std::string written = {};  // as typed
};

// Parses an edit. Refuses fields that are not valid on the wire, and fields that the proxy itself
// controls (RFC 9110 §7.6.1).
Parsed<FieldEdit> parse_field_edit(std::string_view text);

bool have_placeholders(const std::vector<FieldEdit>& edits);

// Removes fields that CGI and WSGI cannot distinguish from an edited field: if X-User is set or
// removed, a client's X_User is removed. Call before the edits.
void remove_lookalikes(const std::vector<FieldEdit>& edits, Headers& headers);

// Applies edits without placeholders.
void apply_edits(const std::vector<FieldEdit>& edits, Headers& headers);

// An edit with its value for one request.
struct KnownEdit {
  std::string name;
  std::string value;
  bool removes = false;
};
std::vector<KnownEdit> expand_edits(const std::vector<FieldEdit>& edits, const RequestFacts& facts);
void apply_edits(const std::vector<KnownEdit>& edits, Headers& headers);

// Returns how the edits contradict each other; "" if they do not.
std::string contradiction_in(const std::vector<FieldEdit>& edits);

}  // namespace onehop::config
