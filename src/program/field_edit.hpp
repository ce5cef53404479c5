// SPDX-License-Identifier: Apache-2.0
//
// FieldEdit: one --header-up or --header-down: "Name: value" sets a field, "-Name" removes it. The
// value may have placeholders: a field whose value comes out empty because of them is removed.
// A value; the functions that apply it may run on any thread.
#pragma once

#include <onehop/headers.hpp>

#include "program/field_template.hpp"
#include "program/parsed.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

struct FieldEdit {
  std::string name;
  FieldTemplate value;
  bool removes = false;
};

// Refuses what cannot go on the wire, and the fields the proxy itself owns (RFC 9110 §7.6.1).
Parsed<FieldEdit> parse_field_edit(std::string_view text);

bool have_placeholders(const std::vector<FieldEdit>& edits);

// Removes what CGI and WSGI cannot tell from a field that the edits are about: with X-User set or
// removed, a client's X_User goes. Comes before the edits.
void remove_lookalikes(const std::vector<FieldEdit>& edits, Headers& headers);

// Edits without placeholders.
void apply_edits(const std::vector<FieldEdit>& edits, Headers& headers);

// Edits whose values are known: what `edits` come to for one request.
struct KnownEdit {
  std::string name;
  std::string value;
  bool removes = false;
};
std::vector<KnownEdit> expand_edits(const std::vector<FieldEdit>& edits, const RequestFacts& facts);
void apply_edits(const std::vector<KnownEdit>& edits, Headers& headers);

// Why the edits contradict each other; "" if they do not.
std::string contradiction_in(const std::vector<FieldEdit>& edits);

}  // namespace onehop::program
