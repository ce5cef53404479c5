// SPDX-License-Identifier: Apache-2.0
//
// Generates a JSON schema of the configuration file. Editors use it to complete and check a file
// that names it in a line "#:schema URL" at the top.
// Thread: any.
#pragma once

#include <string>

namespace onehop::config {

std::string schema_text();

}  // namespace onehop::config
