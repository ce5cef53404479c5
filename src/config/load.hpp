// SPDX-License-Identifier: Apache-2.0
//
// load() turns arguments, environment and configuration files into a Configuration and the list of
// everything that is wrong with them. A flag overrides its environment variable, which overrides
// the file, which overrides the default; lists are replaced as a whole. It opens the configuration
// files, each once, and reads the system's accounts; the files that settings name are read by those
// who use them.
// Thread: any.
#pragma once

#include "config/arguments.hpp"
#include "config/config_files.hpp"
#include "config/configuration.hpp"
#include "config/finding.hpp"
#include "config/given.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct Loaded {
  // Good for use only if is_usable().
  Configuration configuration = {};
  // Those of files in the order of the files, then those of variables, then those of flags.
  Findings findings = {};
  // The values of each setting that does not have its default, with their places.
  GivenSettings given = {};
  // Of the files; those of Configuration::upstreams and Configuration::routes.
  std::vector<GivenTable> tables = {};
  // Of the files (config/config_files.hpp); 0 without any.
  std::size_t files_fingerprint = 0;

  bool is_usable() const { return !has_errors(findings); }
  // Returns null for a setting with its default.
  const Given* given_for(std::string_view setting) const;
};

using ReadFiles =
    std::function<std::vector<ConfigFile>(const NamedFiles& named, Findings& findings)>;

// `arguments` does not include the program's name. `read_files` is replaced in tests.
Loaded load(const std::vector<std::string>& arguments,
            const Environment& environment,
            const ReadFiles& read_files = read_config_files);

// Both make a finding at the place where the setting was given. If `table` is a table of the
// configuration, that is the place whose value counts there: the table, the upstream of a route, or
// the top.
//
// `message` names settings as flags; for a file, the dashes are removed.
Finding finding_about(const Loaded& loaded,
                      std::string_view setting,
                      std::string message,
                      const Configuration* table = nullptr);

// About one value of the setting, which `message` does not name.
Finding finding_about_value(const Loaded& loaded,
                            std::string_view setting,
                            std::size_t value,
                            std::string message,
                            Severity severity = Severity::error,
                            const Configuration* table = nullptr);

}  // namespace onehop::config
