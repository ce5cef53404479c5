// SPDX-License-Identifier: Apache-2.0
//
// FileRestriction: the files that onehop may use while it serves: those of the system that
// libraries read, the folders of the files that settings name, and its own folders. The kernel
// enforces it from the start on, so a reload cannot add a folder.
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
  // None, and the reason for operators.
  explicit FileRestriction(std::string state = "off") : state_(std::move(state)) {}

  // Restricts the process as the settings want. It comes before other threads, since those that
  // run already stay free.
  static Result<FileRestriction> begin(const config::Configuration& configuration);

  // "on (version 7 of Landlock)", "off", or the reason why it is off.
  const std::string& state() const noexcept { return state_; }

  // The errors of settings that name a file elsewhere.
  config::Findings refusals(const config::Loaded& next) const;

 private:
  std::string state_;
  bool is_on_ = false;
  std::vector<FilePlace> places_;
};

// Makes the folder of --state if it does not exist, since a restricted process cannot. Whether it
// can be used is checked later.
void make_state_folder(const config::Configuration& configuration);

// The places that these settings need, each once; those of the process itself come first.
std::vector<FilePlace> file_places(const config::Configuration& configuration);

}  // namespace onehop::program
