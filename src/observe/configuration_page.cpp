// SPDX-License-Identifier: Apache-2.0
#include "observe/configuration_page.hpp"

#include <utility>

namespace onehop::observe {

AdminPage configuration_page(std::shared_ptr<const Observed> observed) {
  return text_page("/config", "text/plain; charset=utf-8",
                   [observed = std::move(observed)] { return observed->configuration(); });
}

}  // namespace onehop::observe
