// SPDX-License-Identifier: Apache-2.0
//
// The settings that only a [[route]] has: rows like those of config/settings.hpp, without flags and
// variables. A table may have others as well; may_have() says which.
// Thread: any; constant.
#pragma once

#include "config/setting.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace onehop::config {

std::span<const Setting> route_settings();

// Reports whether a table of that kind may have this setting.
bool may_have(TableKind kind, const Setting& setting);
// The settings that it may have, in the order in which they are documented.
std::vector<const Setting*> settings_of(TableKind kind);

// "an [upstream.NAME]"
std::string_view words_for(TableKind kind);

}  // namespace onehop::config
