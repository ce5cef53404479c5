// SPDX-License-Identifier: Apache-2.0
#include "config/account.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <optional>
#include <system_error>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace onehop::config {
namespace {

// The kernel takes this number as "leave the id unchanged".
constexpr unsigned kUnchangedId = ~0U;

std::optional<unsigned> parse_number(const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number == kUnchangedId) return std::nullopt;
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

// An entry of the user or group database. The functions that take a buffer are safe to call while
// other threads run, as in a reload.
template <class Entry>
class Found {
 public:
  // Calls `look` with a larger buffer as long as it returns ERANGE.
  template <class Look>
  explicit Found(const Look& look) {
    constexpr std::size_t kMaxRoom = 1U << 20U;
    for (std::size_t room = 1024; room <= kMaxRoom; room *= 2) {
      buffer_.resize(room);
      if (look(&entry_, buffer_.data(), room, &found_) != ERANGE) return;
    }
    found_ = nullptr;
  }
  Found(const Found&) = delete;
  Found& operator=(const Found&) = delete;

  explicit operator bool() const { return found_ != nullptr; }
  const Entry* operator->() const { return found_; }
  const Entry& operator*() const { return *found_; }

 private:
  Entry entry_{};
  std::vector<char> buffer_;
  Entry* found_ = nullptr;
};

Parsed<gid_t> find_group(const std::string& name) {
  const Found<group> entry([&](group* into, char* buffer, std::size_t room, group** found) {
    return ::getgrnam_r(name.c_str(), into, buffer, room, found);
  });
  if (entry) return entry->gr_gid;
  if (const auto number = parse_number(name)) return static_cast<gid_t>(*number);
  return refused("unknown group '" + name + "'");
}

// Finds a user by name or, if no account has that name, by number.
Found<passwd> find_user(const std::string& name) {
  const auto number = parse_number(name);
  return Found<passwd>([&](passwd* into, char* buffer, std::size_t room, passwd** found) {
    const int error = ::getpwnam_r(name.c_str(), into, buffer, room, found);
    if (error == ERANGE || *found != nullptr || !number) return error;
    return ::getpwuid_r(*number, into, buffer, room, found);
  });
}

// Reports whether the process already has the user and group of `account`, also as real and saved
// ids, and only supplementary groups that the account has.
bool is_already(const Account& account) {
  uid_t real_user = 0;
  uid_t user = 0;
  uid_t saved_user = 0;
  gid_t real_group = 0;
  gid_t group = 0;
  gid_t saved_group = 0;
  if (::getresuid(&real_user, &user, &saved_user) != 0) return false;
  if (::getresgid(&real_group, &group, &saved_group) != 0) return false;
  for (const uid_t one : {real_user, user, saved_user})
    if (one != account.user) return false;
  for (const gid_t one : {real_group, group, saved_group})
    if (one != account.group) return false;
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
  if (::getgroups(static_cast<int>(groups.size()), groups.data()) < 0) return false;
  return std::ranges::all_of(groups, [&account](gid_t one) {
    return one == account.group || std::ranges::find(account.groups, one) != account.groups.end();
  });
}

std::unexpected<Error> cannot_become(const Account& account, int error) {
  std::string why =
      "cannot change to '" + account.text + "': " + std::system_category().message(error);
  if (error == EPERM) {
    why += "; --user requires a start as root, or as that user without any other group";
  }
  return failure(Errc::bad_option, Side::local, std::move(why));
}

}  // namespace

Parsed<Account> find_account(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string name(text.substr(0, colon));
  const Found<passwd> entry = find_user(name);
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
    return refused("unknown user '" + name + "'");
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
  // A process that an upgrade has started runs as that account already and may not change it.
  if (is_already(account)) return {};
  // In this order, since each step needs the rights that the next one gives up. The C library
  // applies them to all threads.
  if (::setgroups(account.groups.size(), account.groups.data()) != 0 ||
      ::setresgid(account.group, account.group, account.group) != 0 ||
      ::setresuid(account.user, account.user, account.user) != 0) {
    return cannot_become(account, errno);
  }
  return {};
}

}  // namespace onehop::config
