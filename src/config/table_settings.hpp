// SPDX-License-Identifier: Apache-2.0
//
// TableSettings holds the properties of a table of a configuration file other than the settings
// that it overrides: its title, where its requests go, and the conditions and changes of a
// [[route]].
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
  // The names of the settings that the table itself sets.
  std::vector<std::string_view> own = {};
  // The upstream whose connections the requests use: the name of an upstream, the title of a route
  // that has its own settings for the backend, or "" for the upstream at the top.
  std::string connections = {};
  // The backends that the requests go to: the name of an upstream, the title of a route that has
  // its own backends, or "" for the backends at the top.
  std::string backends = {};

  // The rest is set for a [[route]] only.
  std::vector<std::string> hosts = {};
  std::string path = "/*";
  std::optional<Method> method = {};
  std::string header = {};
  std::string upstream = {};
  std::string strip_prefix = {};
  std::string add_prefix = {};
  bool map_back = false;
  std::string redirect = {};
  int status = 0;  // 0: not set

  bool has(std::string_view setting) const;
  // Reports whether requests go to a backend.
  bool leads_to_backend() const { return redirect.empty() && status == 0; }
};

}  // namespace onehop::config
