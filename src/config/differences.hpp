// SPDX-License-Identifier: Apache-2.0
//
// Compares two configurations setting by setting: what a reload would change, and when each change
// takes effect. The contents of files that settings name are not compared.
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
  // std::nullopt: the table does not have the setting. An emptied list is there.
  using Values = std::optional<std::vector<std::string>>;

  const Setting* setting;
  Values before;
  Values after;
  When when;
  // Of a setting in a table: "upstream.api", "route a.example/api/*".
  std::string table = {};
};

// "idle-timeout"; "upstream.api: connect-timeout" in a table.
std::string name_of(const Difference& change);

// In the order of the table of settings, then those of tables of the files. With hidden secrets,
// two fields that differ in them only are equal.
std::vector<Difference> differences(const Configuration& before,
                                    const Configuration& after,
                                    Secrets secrets = Secrets::shown);

// Sentences about values that are hidden in both and otherwise equal: whether a secret has changed
// is not known. "header-up: 1 value is hidden, and was not compared".
std::vector<std::string> not_compared(const Configuration& before, const Configuration& after);

// Of a change that no reload makes, the one thing that does: "`onehop upgrade`, which drops
// nothing" or "a restart"; "" if a reload makes it.
std::string_view remedy_for(const Setting& setting);

// One line for each remedy that the changes need: "a reload cannot change --workers: that needs
// `onehop upgrade`, which drops nothing\n"; "" if a reload makes them all.
std::string remedies_for(const std::vector<Difference>& changes);

// Reads what print_configuration() has printed, of a running process.
Loaded load_printed(const std::string& text);

// "idle-timeout: "75s" becomes "10s" (next timer)". Secrets are hidden.
std::string text_of(const Difference& change);

}  // namespace onehop::config
