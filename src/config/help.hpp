// SPDX-License-Identifier: Apache-2.0
//
// The text of `onehop help`, generated from the table of settings; at most 100 columns wide.
// Thread: any.
#pragma once

#include <string>

namespace onehop::config {

std::string help_text();

}  // namespace onehop::config
