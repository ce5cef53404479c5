// SPDX-License-Identifier: Apache-2.0
//
// Compares two configurations setting by setting, to list the changes that a reload would make and
// when each takes effect. The contents of files that settings name are not compared.
// Thread: any.
#pragma once

#include "config/configuration.hpp"
#include "config/load.hpp"
#include "config/secrets.hpp"
#include "config/setting.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

struct Difference {
  // std::nullopt if the table does not have the setting; an empty list if it has the setting with
  // an empty list.
  using Values = std::optional<std::vector<std::string>>;

  const Setting* setting;
  Values before;
  Values after;
  When when;
  // The table of the setting, such as "upstream.api" or "route a.example/api/*"; "" for the top.
  std::string table = {};
};

// Returns "idle-timeout", or "upstream.api: connect-timeout" for a setting in a table.
std::string name_of(const Difference& change);

// Returns the differences at the top in the order of the table of settings, then those in tables of
// the files. If secrets are hidden, two values that differ only in a secret are equal.
std::vector<Difference> differences(const Configuration& before,
                                    const Configuration& after,
                                    Secrets secrets = Secrets::shown);

// Returns a sentence for each setting whose values are equal except for hidden secrets, which may
// have changed: "header-up: 1 value is hidden, and was not compared".
std::vector<std::string> not_compared(const Configuration& before, const Configuration& after);

// Returns the action that applies a change that a reload cannot apply: "`onehop upgrade`, which
// drops no connections" or "a restart". Returns "" if a reload applies it.
std::string_view remedy_for(const Setting& setting);

// Returns one line for each remedy that the changes need: "a reload cannot change --workers: that
// needs `onehop upgrade`, which drops no connections\n". Returns "" if a reload applies all
// changes.
std::string remedies_for(const std::vector<Difference>& changes);

// Loads the text that print_configuration() has printed in a running process.
Loaded load_printed(const std::string& text);

// Returns "idle-timeout: "75s" becomes "10s" (next timer)". Secrets are hidden.
std::string text_of(const Difference& change);

}  // namespace onehop::config
