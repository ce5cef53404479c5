// SPDX-License-Identifier: Apache-2.0
//
// Generates the text of `onehop help` from the table of settings, at most 100 columns wide.
// Thread: any.
#pragma once

#include <string>

namespace onehop::config {

std::string help_text();

}  // namespace onehop::config
