// SPDX-License-Identifier: Apache-2.0
//
// The commands at the admin socket, as pages that are sent with POST: /reload, /drain, /stop and
// /log-level, whose content is a level. The response is a JSON object: done, summary, findings; its
// status is 200 if done, else 409. Each runs on a thread of offload()'s pool.
// Thread: any.
#pragma once

#include "observe/admin_actions.hpp"
#include "observe/admin_pages.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

// A page for each action that is set.
std::vector<AdminPage> action_pages(Actions actions);

// Converts a result to JSON, and back; std::nullopt for JSON of another form.
std::string to_json(const ActionResult& result);
std::optional<ActionResult> action_result_from(std::string_view json);

// The level of a word; std::nullopt for another word.
std::optional<LogLevel> log_level_named(std::string_view word) noexcept;

}  // namespace onehop::observe
