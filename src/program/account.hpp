// SPDX-License-Identifier: Apache-2.0
//
// Account: whom --user names, and becoming that user for good. Main thread, before anything is
// served.
#pragma once

#include <onehop/error.hpp>

#include "program/parsed.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace onehop::program {

struct Account {
  std::string text;  // as it was typed
  uid_t user = 0;
  gid_t group = 0;
  // Further groups: the user's, unless a group was named.
  std::vector<gid_t> groups;
};

// "NAME" or "NAME:GROUP", as this machine knows them; either may be a number.
Parsed<Account> find_account(std::string_view text);

// Every thread of the process becomes that user and can never be another one again.
// Errc::bad_option when that is not allowed; then nothing, or only the groups, has changed.
Result<void> become(const Account& account);

}  // namespace onehop::program
