// SPDX-License-Identifier: Apache-2.0
#include "config/setting_groups.hpp"

#include <array>

namespace onehop::config {
namespace {

constexpr std::array<GroupRow, 4> kGroups{{
    {SettingGroup::everyday, "everyday", "Everyday"},
    {SettingGroup::operation, "operation", "Operation: files, logs, stopping"},
    {SettingGroup::client_side, "client", "Clients: limits and timeouts"},
    {SettingGroup::backend_side, "backend", "Backend: limits and timeouts"},
}};

}  // namespace

std::span<const GroupRow> setting_groups() {
  return kGroups;
}

std::string_view words_for(When when) {
  switch (when) {
    case When::next_request:
      return "next request";
    case When::next_timer:
      return "next timer";
    case When::next_connection:
      return "next connection";
    case When::at_once:
      return "at once";
    case When::pool_swap:
      return "new pool";
    case When::new_listener:
      return "new listener";
    case When::upgrade:
      return "upgrade";
    case When::restart:
      return "restart";
  }
  return "";
}

}  // namespace onehop::config
