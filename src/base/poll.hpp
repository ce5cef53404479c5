// SPDX-License-Identifier: Apache-2.0
//
// Poll<T> is the outcome of a step that does not wait: a Result once there is one, and std::nullopt
// while the caller has to wait for more.
// Thread: any; constant.
#pragma once

#include <onehop/error.hpp>

#include <optional>

namespace onehop {

template <class T>
using Poll = std::optional<Result<T>>;

}  // namespace onehop
