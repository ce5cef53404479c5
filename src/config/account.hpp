// SPDX-License-Identifier: Apache-2.0
//
// Account: the account of --user, and the permanent change to it. Used before serving begins.
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
  // Supplementary groups: the user's, unless a group was named.
  std::vector<gid_t> groups;
};

// Parses "NAME" or "NAME:GROUP"; either may be a number.
Parsed<Account> find_account(std::string_view text);

// Changes every thread of the process to `account`, permanently. Returns Errc::bad_option if that
// is not allowed; then at most the groups have changed.
Result<void> become(const Account& account);

}  // namespace onehop::config
