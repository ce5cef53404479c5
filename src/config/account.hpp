// SPDX-License-Identifier: Apache-2.0
//
// Account is the user account that --user names. become() changes the process to it for good,
// before serving begins.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>

#include "config/parsed.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace onehop::config {

struct Account {
  std::string text;  // as typed
  uid_t user = 0;
  gid_t group = 0;
  // The supplementary groups: those of the user or, if the text names a group, that group alone.
  std::vector<gid_t> groups;
};

// Parses "NAME" or "NAME:GROUP"; either may be a number.
Parsed<Account> find_account(std::string_view text);

// Changes every thread of the process to `account`, permanently. Returns Errc::bad_option if the
// kernel refuses; at most the groups have changed then.
Result<void> become(const Account& account);

}  // namespace onehop::config
