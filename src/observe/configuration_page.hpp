// SPDX-License-Identifier: Apache-2.0
//
// /config: the effective configuration as text.
// Thread: any.
#pragma once

#include "observe/admin_pages.hpp"
#include "observe/observed.hpp"

#include <memory>

namespace onehop::observe {

AdminPage configuration_page(std::shared_ptr<const Observed> observed);

}  // namespace onehop::observe
