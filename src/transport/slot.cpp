// SPDX-License-Identifier: Apache-2.0
#include "transport/slot.hpp"

#include "base/check.hpp"

namespace onehop::transport {

Slot::~Slot() {
  if (!origin_) return;
  ONEHOP_DCHECK(origin_->open > 0);
  --origin_->open;
  issuer_.on_free_slot(*origin_);
}

}  // namespace onehop::transport
