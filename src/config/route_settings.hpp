// SPDX-License-Identifier: Apache-2.0
//
// The settings that only a [[route]] has, as rows like those of config/settings.hpp but without
// flags and variables. A table may also have settings of that file; may_have() decides which.
// Thread: any; constant.
#pragma once

#include "config/setting.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace onehop::config {

std::span<const Setting> route_settings();

// Reports whether a table of this kind may have the setting.
bool may_have(TableKind kind, const Setting& setting);
// Returns the settings that a table of this kind may have, in the order of the documentation.
std::vector<const Setting*> settings_of(TableKind kind);

// Returns "an [upstream.NAME]" or the like, for messages.
std::string_view words_for(TableKind kind);

}  // namespace onehop::config
