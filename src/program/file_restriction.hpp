// SPDX-License-Identifier: Apache-2.0
//
// FileRestriction limits the files that onehop may use while it serves: system files that libraries
// read, the folders of the files that settings name, and its own folders. The kernel enforces it
// from the start, so a reload cannot add a folder.
// Thread: any; constant.
#pragma once

#include <onehop/error.hpp>

#include "config/load.hpp"
#include "program/landlock.hpp"

#include <string>
#include <vector>

namespace onehop::program {

class FileRestriction {
 public:
  // Does not restrict the process. `state` is the reason for operators.
  explicit FileRestriction(std::string state = "off") : state_(std::move(state)) {}

  // Restricts the process as the settings ask. Must be called before other threads start, because
  // threads that are already running stay unrestricted.
  static Result<FileRestriction> begin(const config::Configuration& configuration);

  // Returns "on (version 7)", "off", or "off, because " and the reason.
  const std::string& state() const noexcept { return state_; }

  // Returns an error for each setting that names a file outside the permitted places.
  config::Findings refusals(const config::Loaded& next) const;

 private:
  std::string state_;
  bool is_on_ = false;
  std::vector<FilePlace> places_;
};

// Creates the folder of --state if it does not exist, because a restricted process cannot. Errors
// are ignored; whether the folder can be used is checked later.
void make_state_folder(const config::Configuration& configuration);

// Returns the places that these settings need, without duplicates; those of the process itself come
// first.
std::vector<FilePlace> file_places(const config::Configuration& configuration);

}  // namespace onehop::program
