// SPDX-License-Identifier: Apache-2.0
//
// The pages for the commands at the admin socket, which a client sends with POST: /reload,
// /upgrade, /drain, /stop, and /log-level with a level as content. The response is a JSON object
// with the members done, summary and findings. Its status is 200 if done, else 409. Each command
// runs on a thread of offload()'s pool.
// Thread: any.
#pragma once

#include "observe/admin_actions.hpp"
#include "observe/admin_pages.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

// Returns a page for each action that is set.
std::vector<AdminPage> action_pages(Actions actions);

// Convert a result to JSON and back. The latter returns std::nullopt for JSON of another form.
std::string to_json(const ActionResult& result);
std::optional<ActionResult> action_result_from(std::string_view json);

// Returns the level that the word names; std::nullopt for any other word.
std::optional<LogLevel> log_level_named(std::string_view word) noexcept;

}  // namespace onehop::observe
