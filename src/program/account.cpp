// SPDX-License-Identifier: Apache-2.0
#include "program/account.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace onehop::program {
namespace {

// NOLINTBEGIN(concurrency-mt-unsafe): settings are read, and users changed, before there are
// threads that would look up accounts, too.

// To the kernel this number means "leave it unchanged".
constexpr unsigned kNobodyAtAll = ~0U;

std::optional<unsigned> parse_number(const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number == kNobodyAtAll) return std::nullopt;
  return number;
}

std::vector<gid_t> groups_of(const passwd& entry) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0)
    groups.resize(static_cast<std::size_t>(count));
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

Parsed<gid_t> find_group(const std::string& name) {
  if (const group* entry = ::getgrnam(name.c_str())) return entry->gr_gid;
  if (const auto number = parse_number(name)) return static_cast<gid_t>(*number);
  return refused("there is no group '" + name + "'");
}

const passwd* find_user(const std::string& name) {
  if (const passwd* entry = ::getpwnam(name.c_str())) return entry;
  const auto number = parse_number(name);
  return number ? ::getpwuid(*number) : nullptr;
}

std::unexpected<Error> cannot_become(const Account& account, int error) {
  std::string why = "cannot change to '" + account.text + "': " + std::strerror(error);
  if (error == EPERM) why += "; --user requires a start as root";
  return failure(Errc::bad_option, Side::local, std::move(why));
}

}  // namespace

Parsed<Account> find_account(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string name(text.substr(0, colon));
  const passwd* entry = find_user(name);
  const auto number = parse_number(name);
  Account account{.text = std::string(text), .user = 0, .group = 0, .groups = {}};
  if (entry) {
    account.user = entry->pw_uid;
    account.group = entry->pw_gid;
    account.groups = groups_of(*entry);
  } else if (number && colon != std::string_view::npos) {
    account.user = *number;  // a container may lack the user database
  } else if (number) {
    return refused("user " + name +
                   " is not in the user database, so its group must be given: " + name + ":GROUP");
  } else {
    return refused("there is no user '" + name + "'");
  }
  if (colon != std::string_view::npos) {
    const auto group = find_group(std::string(text.substr(colon + 1)));
    if (!group) return refused(group.error());
    account.group = *group;
    account.groups = {*group};
  }
  if (account.user == 0) return refused("'" + name + "' is root, which has no privileges to drop");
  return account;
}

Result<void> become(const Account& account) {
  // In this order, since each step needs the rights that the next one gives up. The C library
  // applies them to all threads.
  if (::setgroups(account.groups.size(), account.groups.data()) != 0 ||
      ::setresgid(account.group, account.group, account.group) != 0 ||
      ::setresuid(account.user, account.user, account.user) != 0) {
    return cannot_become(account, errno);
  }
  return {};
}

// NOLINTEND(concurrency-mt-unsafe)

}  // namespace onehop::program
