// SPDX-License-Identifier: Apache-2.0
//
// load() turns the arguments, the environment and the configuration files into a Configuration and
// a list of all mistakes in them. A flag overrides its environment variable, which overrides the
// file, which overrides the default; lists are replaced as a whole. load() reads each configuration
// file once, and the system's accounts; it does not open the files that settings name.
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
  // Valid only if is_usable().
  Configuration configuration = {};
  // Findings in files first, in the order of the files, then those in variables, then those in
  // flags.
  Findings findings = {};
  // The values of each setting that some source sets, with their places.
  GivenSettings given = {};
  // The tables of the files, from which Configuration::upstreams and Configuration::routes are
  // made.
  std::vector<GivenTable> tables = {};
  // The fingerprint of the files (config/config_files.hpp); 0 without files.
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

// Both functions make a finding at the place where the setting was given. If `table` is a table of
// the configuration, that is the place whose value is in effect there: the table itself, the
// upstream that a route names, or the top.
//
// `message` names settings as flags; for a file, the dashes are removed.
Finding finding_about(const Loaded& loaded,
                      std::string_view setting,
                      std::string message,
                      const Configuration* table = nullptr);

// Makes a finding about one value of the setting. `message` does not name the setting.
Finding finding_about_value(const Loaded& loaded,
                            std::string_view setting,
                            std::size_t value,
                            std::string message,
                            Severity severity = Severity::error,
                            const Configuration* table = nullptr);

}  // namespace onehop::config
