// SPDX-License-Identifier: Apache-2.0
//
// A JSON schema of the configuration file, with which editors complete and check it: the line
// "#:schema URL" at its top names the schema.
// Thread: any.
#pragma once

#include <string>

namespace onehop::config {

std::string schema_text();

}  // namespace onehop::config
