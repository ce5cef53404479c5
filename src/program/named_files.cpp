// SPDX-License-Identifier: Apache-2.0
#include "program/named_files.hpp"

#include "config/credential.hpp"
#include "config/settings.hpp"
#include "config/tables.hpp"

namespace onehop::program {

// A table lists only the files that the table itself names.
std::vector<NamedFile> named_files(const config::Configuration& configuration) {
  std::vector<NamedFile> files;
  for (const config::Configuration* const one : config::with_tables(configuration)) {
    const bool is_table = one != &configuration;
    for (const config::Setting& setting : config::settings()) {
      if (!setting.names_a_file() || (is_table && !one->table.has(setting.name))) continue;
      const std::vector<std::string> values = setting.values(*one);
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] == "self" || config::is_unresolved(values[i])) continue;
        files.push_back({.setting = setting.name,
                         .index = i,
                         .path = values[i],
                         .table = is_table ? one : nullptr});
      }
    }
  }
  return files;
}

}  // namespace onehop::program
