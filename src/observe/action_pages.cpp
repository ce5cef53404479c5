// SPDX-License-Identifier: Apache-2.0
#include "observe/action_pages.hpp"

#include <onehop/offload.hpp>

#include "server/log_text.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <utility>

#include <nlohmann/json.hpp>

namespace onehop::observe {
namespace {

using Json = nlohmann::ordered_json;
using Act = std::function<ActionResult(const std::string& content)>;

constexpr std::array kLevels = {LogLevel::debug, LogLevel::info, LogLevel::warning,
                                LogLevel::error};
constexpr std::size_t kMaxContent = 1024;

Response response_for(const ActionResult& result) {
  Response response(result.done ? Status::ok : Status::conflict, to_json(result) + "\n");
  response.headers().set("Content-Type", "application/json");
  return response;
}

task<Response> act(Act action, Request request) {
  auto reading = request.body().read_all(kMaxContent);
  const auto content = co_await std::move(reading);
  if (!content) {
    co_return response_for({.done = false, .summary = "the content could not be read"});
  }
  auto acting = offload([action = std::move(action), text = *content] { return action(text); });
  const ActionResult result = co_await std::move(acting);
  co_return response_for(result);
}

void add_page(std::vector<AdminPage>& pages, std::string path, Act action) {
  pages.push_back({.path = std::move(path),
                   .access = AdminAccess::change,
                   .serve = [action = std::move(action)](Request request) {
                     return act(action, std::move(request));
                   }});
}

void add_page(std::vector<AdminPage>& pages, std::string path, std::function<ActionResult()> act) {
  if (!act) return;
  add_page(pages, std::move(path),
           Act([act = std::move(act)](const std::string& /*content*/) { return act(); }));
}

ActionResult set_level(const std::function<ActionResult(LogLevel)>& set, std::string_view word) {
  if (const auto level = log_level_named(word)) return set(*level);
  return {.done = false, .summary = "the levels are debug, info, warning and error"};
}

}  // namespace

std::vector<AdminPage> action_pages(Actions actions) {
  std::vector<AdminPage> pages;
  add_page(pages, "/reload", std::move(actions.reload));
  add_page(pages, "/upgrade", std::move(actions.upgrade));
  add_page(pages, "/drain", std::move(actions.drain));
  add_page(pages, "/stop", std::move(actions.stop));
  if (actions.set_log_level) {
    add_page(pages, "/log-level",
             Act([set = std::move(actions.set_log_level)](const std::string& content) {
               return set_level(set, content);
             }));
  }
  return pages;
}

std::string to_json(const ActionResult& result) {
  const Json object = {
      {"done", result.done}, {"summary", result.summary}, {"findings", result.findings}};
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<ActionResult> action_result_from(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  ActionResult result;
  const auto done = object.find("done");
  const auto summary = object.find("summary");
  if (done == object.end() || !done->is_boolean()) return std::nullopt;
  if (summary == object.end() || !summary->is_string()) return std::nullopt;
  result.done = done->get<bool>();
  result.summary = summary->get<std::string>();
  if (const auto findings = object.find("findings"); findings != object.end()) {
    for (const Json& finding : *findings)
      if (finding.is_string()) result.findings.push_back(finding.get<std::string>());
  }
  return result;
}

std::optional<LogLevel> log_level_named(std::string_view word) noexcept {
  for (const LogLevel level : kLevels)
    if (word == server::to_string(level)) return level;
  return std::nullopt;
}

}  // namespace onehop::observe
