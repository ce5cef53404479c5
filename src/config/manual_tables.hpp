// SPDX-License-Identifier: Apache-2.0
//
// Generates the tables of settings for docs/operating.md, between the comments that name them.
// tools/write_tables inserts them into the document.
// Thread: any.
#pragma once

#include <string>

namespace onehop::config {

std::string manual_tables();

}  // namespace onehop::config
