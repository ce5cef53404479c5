// SPDX-License-Identifier: Apache-2.0
//
// until_deadline() awaits a hook until the deadline of its request.
// Thread: owner.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/hook.hpp>
#include <onehop/task.hpp>

namespace onehop {

// Awaits `work` and returns its outcome. At `deadline`, destroys `work` and returns
// Errc::timed_out. Time::max() means no deadline.
task<detail::HookOutcome> until_deadline(Time deadline, task<detail::HookOutcome> work);

}  // namespace onehop
