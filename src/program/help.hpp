// SPDX-License-Identifier: Apache-2.0
//
// The text of `onehop help`, made from the table of settings; at most 100 columns wide.
// Pure; any thread.
#pragma once

#include <string>

namespace onehop::program {

std::string help_text();

}  // namespace onehop::program
