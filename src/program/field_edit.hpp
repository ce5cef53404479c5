// SPDX-License-Identifier: Apache-2.0
//
// FieldEdit: one --header-up or --header-down: "Name: value" sets a field, "-Name" removes it.
// A value; apply_edits may run on any thread.
#pragma once

#include <onehop/headers.hpp>

#include "program/parsed.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace onehop::program {

struct FieldEdit {
  std::string name;
  std::string value;
  bool removes = false;
};

// Refuses what cannot go on the wire, and the fields the proxy itself owns (RFC 9110 §7.6.1).
Parsed<FieldEdit> parse_field_edit(std::string_view text);

void apply_edits(const std::vector<FieldEdit>& edits, Headers& headers);

}  // namespace onehop::program
