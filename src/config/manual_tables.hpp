// SPDX-License-Identifier: Apache-2.0
//
// The tables of settings in docs/operating.md, between the comments that name them.
// tools/write_tables puts them there.
// Thread: any.
#pragma once

#include <string>

namespace onehop::config {

std::string manual_tables();

}  // namespace onehop::config
