// SPDX-License-Identifier: Apache-2.0
//
// Given holds the texts that one source has for one setting, before they are parsed.
// Thread: any.
#pragma once

#include "config/finding.hpp"
#include "config/setting.hpp"
#include "config/table_settings.hpp"

#include <map>
#include <string>
#include <vector>

namespace onehop::config {

struct GivenValue {
  std::string text;
  Origin origin = {};
  Excerpt excerpt = {};      // in a file: the line, and the value in it
  std::size_t text_at = 0;   // in a file: the text's first byte in the line, if is_verbatim
  bool is_verbatim = false;  // the line contains the text unchanged
};

struct Given {
  Origin origin;
  Excerpt excerpt = {};  // in a file: the line, and the key in it
  std::vector<GivenValue> values = {};
};

using GivenSettings = std::map<const Setting*, Given>;

// A table of a file: [upstream.NAME] or [[route]].
struct GivenTable {
  TableKind kind = TableKind::route;
  std::string name = {};  // of an upstream
  Origin origin = {};     // of the header
  Excerpt excerpt = {};
  GivenSettings given = {};
};

}  // namespace onehop::config
