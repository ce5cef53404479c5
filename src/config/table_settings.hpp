// SPDX-License-Identifier: Apache-2.0
//
// TableSettings: what a table of a configuration file has beside the settings that it overrides:
// the conditions and the changes of a [[route]], and where the table is.
// Thread: any; constant.
#pragma once

#include <onehop/method.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

enum class TableKind : std::uint8_t {
  top,       // the file itself, flags and variables
  upstream,  // [upstream.NAME]
  route,     // [[route]]
};

struct TableSettings {
  // "upstream.api", or "route a.example/api/*"; "" at the top.
  std::string title = {};
  // The names of the settings that the table itself has.
  std::vector<std::string_view> own = {};
  // The upstream that it leads to, which has connections of its own: the name of one, the title of
  // a route that has settings of the backend, or "" for the backend at the top.
  std::string connections = {};
  // The backends that its requests go to: the name of an upstream, the title of a route that has
  // some of its own, or "" for those at the top.
  std::string backends = {};

  // Of [[route]] only.
  std::vector<std::string> hosts = {};
  std::string path = "/*";
  std::optional<Method> method = {};
  std::string header = {};
  std::string upstream = {};
  std::string strip_prefix = {};
  std::string add_prefix = {};
  bool map_back = false;
  std::string redirect = {};
  int status = 0;  // 0: none is set

  bool has(std::string_view setting) const;
  // Reports whether requests go to a backend.
  bool leads_to_backend() const { return redirect.empty() && status == 0; }
};

}  // namespace onehop::config
